// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster_test

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/cluster-api/util/conditions"

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
		w.Expect(conditions.IsTrue(w.Get("demo"), condition)).To(BeTrue())
		w.Expect(conditions.GetMessage(w.Get("demo"), condition)).To(ContainSubstring(message))
	}
	w.Expect(w.Converge("demo")).To(Succeed())
	firstDomains, firstCarriers := domains(), carriers()
	w.Expect(firstDomains).To(And(HaveLen(100), ContainElement(w.Global("h099"))))
	w.Expect(firstCarriers).To(And(HaveLen(64), ContainElement(w.Global("h063"))))
	told(infrav1.LibvirtClusterHostsReadyCondition, "100 of 101 failure domains")
	told(infrav1.LibvirtClusterLoadBalancerReadyCondition, "64 of the 101 hosts")

	w.addHost("a", "3")
	w.Expect(w.Converge("demo")).To(Succeed())
	w.Expect(domains()).To(Equal(firstDomains), "nothing moves because a host comes")
	w.Expect(carriers()).To(Equal(firstCarriers))

	w.balancer.set(func(b *balancer) { b.down[w.Global("h010")] = true })
	fixture.Change(w, "h010", func(h *infrav1.LibvirtHost) {
		h.Spec.LoadBalancer, h.Spec.Scheduling = infrav1.HostLoadBalancerDisabled, infrav1.HostSchedulingDisabled
	})
	w.Expect(w.Converge("demo")).To(Succeed())
	w.Expect(domains()).To(And(HaveLen(100), ContainElement(w.Global("a")), Not(ContainElement(w.Global("h010")))))
	w.Expect(carriers()).To(ConsistOf(firstCarriers), "what a host carries is not forgotten")
	w.Expect(w.balancer.hosts).To(HaveLen(63))
	w.balancer.set(func(b *balancer) { b.down = nil })
	w.Expect(w.Converge("demo")).To(Succeed())
	w.Expect(carriers()).To(And(HaveLen(64), ContainElement(w.Global("a")), Not(ContainElement(w.Global("h010")))))
}

func TestBackends_mayBeMoreThanTheStatusTellsOf(t *testing.T) {
	w := newWorld(t)
	w.addHost("a", "3")
	w.addHost("b", "4")
	var last *infrav1.LibvirtMachine
	for i := range 66 {
		name := fmt.Sprintf("cp%02d", i)
		last = w.addMachine(name, fmt.Sprintf("10.150.1.%d", 1+i), builder.ControlPlane)
	}
	w.Expect(w.Converge("demo")).To(Succeed())
	w.Expect(w.balancer.wanted.Backends).To(HaveLen(66))
	w.Expect(names(w.Get("demo").Status.LoadBalancer.Backends)).To(And(HaveLen(64), ContainElement("cp00")))

	w.Remove(last)
	w.balancer.set(func(b *balancer) { b.broken[w.Global("b")] = errFull })
	w.Expect(w.Converge("demo")).To(Succeed())
	w.Expect(names(w.Get("demo").Status.LoadBalancer.Backends)).To(And(HaveLen(64), ContainElement(last.Name)), "it waits for that")
}
