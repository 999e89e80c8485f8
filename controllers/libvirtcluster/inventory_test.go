// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster_test

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
	"github.com/altcos/cluster-api-provider-altcos/test/fixture"
)

// The API takes 100 failure domains, 64 hosts and 64 backends, and refuses the whole status of a cluster that has more.
func TestInventory_mayBeLargerThanTheStatus(t *testing.T) {
	w := newWorld(t)
	for i := range 101 {
		w.addHost(fmt.Sprintf("h%03d", i), "3")
	}
	domains := func() (names []string) {
		for _, domain := range w.Get("demo").Status.FailureDomains {
			names = append(names, domain.Name)
		}
		return names
	}
	carriers := func() (names []string) {
		for _, host := range w.Get("demo").Status.LoadBalancer.Hosts {
			names = append(names, host.Name)
		}
		return names
	}
	told := func(condition, message string) {
		t.Helper()
		w.ExpectTrue("demo", condition)
		w.Expect(w.Condition("demo", condition).Message).To(ContainSubstring(message))
	}
	w.Converged("demo")
	firstDomains, firstCarriers := domains(), carriers()
	w.Expect(firstDomains).To(And(HaveLen(100), ContainElement(w.Global("h099"))))
	w.Expect(firstCarriers).To(And(HaveLen(64), ContainElement(w.Global("h063"))))
	told(infrav1.LibvirtClusterHostsReadyCondition, "100 of 101 failure domains")
	told(infrav1.LibvirtClusterLoadBalancerReadyCondition, "64 of the 101 hosts")

	w.addHost("a", "3")
	w.Converged("demo")
	w.Expect(domains()).To(Equal(firstDomains), "nothing moves because a host comes")
	w.Expect(carriers()).To(Equal(firstCarriers))

	w.balancer.set(func(b *balancer) { b.down[w.Global("h010")] = true })
	fixture.Change(w, "h010", func(h *infrav1.LibvirtHost) {
		h.Spec.LoadBalancer, h.Spec.Scheduling = infrav1.HostLoadBalancerDisabled, infrav1.HostSchedulingDisabled
	})
	w.Converged("demo")
	w.Expect(domains()).To(And(HaveLen(100), ContainElement(w.Global("a")), Not(ContainElement(w.Global("h010")))))
	w.Expect(carriers()).To(ConsistOf(firstCarriers), "what a host carries is not forgotten")
	w.Expect(w.balancer.hosts).To(HaveLen(63))
	w.balancer.set(func(b *balancer) { b.down = nil })
	w.Converged("demo")
	w.Expect(carriers()).To(And(HaveLen(64), ContainElement(w.Global("a")), Not(ContainElement(w.Global("h010")))))
}

func TestBackends_mayBeMoreThanTheStatusTellsOf(t *testing.T) {
	w := newWorld(t).withHosts("a", "b")
	var last *infrav1.LibvirtMachine
	for i := range 66 {
		name := fmt.Sprintf("cp%02d", i)
		last = w.addMachine(name, fmt.Sprintf("10.150.1.%d", 1+i), builder.ControlPlane)
	}
	w.Converged("demo")
	w.Expect(w.balancer.wanted.Backends).To(HaveLen(66))
	w.Expect(names(w.Get("demo").Status.LoadBalancer.Backends)).To(And(HaveLen(64), ContainElement("cp00")))

	w.Remove(last)
	w.balancer.set(func(b *balancer) { b.broken[w.Global("b")] = errFull })
	w.Converged("demo")
	w.Expect(names(w.Get("demo").Status.LoadBalancer.Backends)).To(And(HaveLen(64), ContainElement(last.Name)), "it waits for that")
}

func TestFailureDomains_areThoseThatMachinesCanBePlacedIn(t *testing.T) {
	w := newWorld(t)
	now := w.Clock
	w.Reconciler.Clock = now
	w.addHost("a", "3")
	w.addHost("b", "4")
	w.addHost("new", "5", builder.HostReady(metav1.ConditionFalse))
	published := func(why string, want ...string) {
		t.Helper()
		w.Converged("demo")
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
	w.Expect(w.Condition("demo", infrav1.LibvirtClusterHostsReadyCondition).Reason).To(Equal(infrav1.LibvirtClusterHostsNotReadyReason))
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
	w.Converged("demo")
	w.Expect(w.Get("demo").Finalizers).To(BeEmpty())
	w.Change("demo", builder.Labelled[*infrav1.LibvirtCluster](clusterv1.WatchLabel, "mine"))
	w.ExpectReady("demo")
}
