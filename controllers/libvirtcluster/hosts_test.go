// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

func (w *world) changeHost(name string, change func(*infrav1.LibvirtHost)) {
	w.t.Helper()
	host := &infrav1.LibvirtHost{}
	w.Expect(environment.Client.Get(w.ctx, client.ObjectKey{Name: w.hostName(name)}, host)).To(Succeed())
	change(host)
	status := host.Status.DeepCopy()
	w.Expect(environment.Client.Update(w.ctx, host)).To(Succeed())
	host.Status = *status
	w.Expect(environment.Client.Status().Update(w.ctx, host)).To(Succeed())
}

func ready(status metav1.ConditionStatus) func(*infrav1.LibvirtHost) {
	return func(h *infrav1.LibvirtHost) {
		conditions.Set(h, metav1.Condition{Type: infrav1.ReadyCondition, Status: status, Reason: "Test"})
	}
}

func TestFailureDomains_areThoseThatMachinesCanBePlacedIn(t *testing.T) {
	w := newWorld(t)
	now := clocktesting.NewFakePassiveClock(time.Now())
	w.reconciler.Clock = now
	w.addHost("a", "3")
	w.addHost("b", "4")
	w.addHost("new", "5", ready(metav1.ConditionFalse))
	published := func(why string, want ...string) {
		t.Helper()
		w.Expect(w.settle("demo")).To(Succeed())
		var got []string
		for _, domain := range w.get("demo").Status.FailureDomains {
			got = append(got, domain.Name)
		}
		for i := range want {
			want[i] = w.hostName(want[i])
		}
		w.Expect(got).To(Equal(want), why)
	}
	published("a host that has never been ready is not offered", "a", "b")
	w.changeHost("b", ready(metav1.ConditionFalse))
	published("a host may reboot", "a", "b")
	now.SetTime(now.Now().Add(6 * time.Minute))
	published("a host that stays away is not offered", "a")
	w.changeHost("b", ready(metav1.ConditionTrue))
	published("it is back", "a", "b")
	w.changeHost("a", ready(metav1.ConditionFalse))
	w.changeHost("b", ready(metav1.ConditionFalse))
	now.SetTime(now.Now().Add(time.Hour))
	published("perhaps we are the ones who are cut off", "a", "b")
	w.Expect(conditions.GetReason(w.get("demo"), infrav1.LibvirtClusterHostsReadyCondition)).To(Equal(infrav1.LibvirtClusterHostsNotReadyReason))
	before := w.balancer.ensured
	w.addMachine("cp", "10.150.0.161", true)
	published("", "a", "b")
	w.Expect(w.balancer.ensured).To(BeNumerically(">", before), "hosts that take no machines still balance")
	w.Expect(w.balancer.wanted.Backends).To(HaveLen(1))
	w.changeHost("a", ready(metav1.ConditionTrue))
	w.changeHost("b", ready(metav1.ConditionTrue))

	w.changeHost("b", func(h *infrav1.LibvirtHost) { h.Spec.Scheduling = infrav1.HostSchedulingDisabled })
	published("a cordoned host is not offered", "a")
	w.changeHost("b", func(h *infrav1.LibvirtHost) { h.Spec.Scheduling = "" })
	published("", "a", "b")
	w.changeHost("b", func(h *infrav1.LibvirtHost) { h.Finalizers = []string{infrav1.HostFinalizer} })
	w.Expect(environment.Client.Delete(w.ctx, &infrav1.LibvirtHost{ObjectMeta: metav1.ObjectMeta{Name: w.hostName("b")}})).To(Succeed())
	published("a host that is being deleted is not offered", "a")
	host := &infrav1.LibvirtHost{}
	w.Expect(environment.Client.Get(w.ctx, client.ObjectKey{Name: w.hostName("b")}, host)).To(Succeed())
	host.Finalizers = nil
	w.Expect(environment.Client.Update(w.ctx, host)).To(Succeed())
	w.end("cp")
}

func TestReconcile_leavesAloneWhatTheFilterDoesNotSelect(t *testing.T) {
	w := newWorld(t)
	w.reconciler.WatchFilter = "mine"
	w.addHost("a", "3")
	w.Expect(w.settle("demo")).To(Succeed())
	w.Expect(w.get("demo").Finalizers).To(BeEmpty())
	lc := w.get("demo")
	lc.Labels[clusterv1.WatchLabel] = "mine"
	w.Expect(environment.Client.Update(w.ctx, lc)).To(Succeed())
	w.Expect(w.settle("demo")).To(Succeed())
	w.Expect(conditions.IsTrue(w.get("demo"), infrav1.ReadyCondition)).To(BeTrue())
}
