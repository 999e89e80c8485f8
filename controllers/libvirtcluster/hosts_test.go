// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
	"github.com/altcos/cluster-api-provider-altcos/test/fixture"
)

func TestFailureDomains_areThoseThatMachinesCanBePlacedIn(t *testing.T) {
	w := newWorld(t)
	now := w.Clock
	w.Reconciler.Clock = now
	w.addHost("a", "3")
	w.addHost("b", "4")
	w.addHost("new", "5", builder.HostReady(metav1.ConditionFalse))
	published := func(why string, want ...string) {
		t.Helper()
		w.Expect(w.Converge("demo")).To(Succeed())
		var got []string
		for _, domain := range w.Get("demo").Status.FailureDomains {
			got = append(got, domain.Name)
		}
		for i := range want {
			want[i] = w.Global(want[i])
		}
		w.Expect(got).To(Equal(want), why)
	}
	published("a host that has never been ready is not offered", "a", "b")
	fixture.Change(w, "b", builder.HostReady(metav1.ConditionFalse))
	published("a host may reboot", "a", "b")
	now.SetTime(now.Now().Add(6 * time.Minute))
	published("a host that stays away is not offered", "a")
	fixture.Change(w, "b", builder.HostReady(metav1.ConditionTrue))
	published("it is back", "a", "b")
	fixture.Change(w, "a", builder.HostReady(metav1.ConditionFalse))
	fixture.Change(w, "b", builder.HostReady(metav1.ConditionFalse))
	now.SetTime(now.Now().Add(time.Hour))
	published("perhaps we are the ones who are cut off", "a", "b")
	w.Expect(conditions.GetReason(w.Get("demo"), infrav1.LibvirtClusterHostsReadyCondition)).To(Equal(infrav1.LibvirtClusterHostsNotReadyReason))
	before := w.balancer.ensured
	w.addMachine("cp", "10.150.0.161", builder.ControlPlane)
	published("", "a", "b")
	w.Expect(w.balancer.ensured).To(BeNumerically(">", before), "hosts that take no machines still balance")
	w.Expect(w.balancer.wanted.Backends).To(HaveLen(1))
	fixture.Change(w, "a", builder.HostReady(metav1.ConditionTrue))
	fixture.Change(w, "b", builder.HostReady(metav1.ConditionTrue))

	fixture.Change(w, "b", func(h *infrav1.LibvirtHost) { h.Spec.Scheduling = infrav1.HostSchedulingDisabled })
	published("a cordoned host is not offered", "a")
	fixture.Change(w, "b", func(h *infrav1.LibvirtHost) { h.Spec.Scheduling = "" })
	published("", "a", "b")
	fixture.Change(w, "b", func(h *infrav1.LibvirtHost) { h.Finalizers = []string{infrav1.HostFinalizer} })
	w.Remove(fixture.Get[*infrav1.LibvirtHost](w, "b"))
	published("a host that is being deleted is not offered", "a")
}

func TestReconcile_leavesAloneWhatTheFilterDoesNotSelect(t *testing.T) {
	w := newWorld(t)
	w.Reconciler.WatchFilter = "mine"
	w.addHost("a", "3")
	w.Expect(w.Converge("demo")).To(Succeed())
	w.Expect(w.Get("demo").Finalizers).To(BeEmpty())
	w.Change("demo", builder.Labelled[*infrav1.LibvirtCluster](clusterv1.WatchLabel, "mine"))
	w.Expect(w.Converge("demo")).To(Succeed())
	w.Expect(conditions.IsTrue(w.Get("demo"), infrav1.ReadyCondition)).To(BeTrue())
}
