// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"testing"

	. "github.com/onsi/gomega"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

func TestReconcile_bringsMachineUpAndRemovesItWithoutTrace(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	w.addMachine("m")
	uid := string(w.Get("m").UID)

	w.Expect(w.Converge("m")).To(Succeed())
	lm := w.Get("m")
	w.Expect(lm.Spec.ProviderID).To(Equal("libvirt://" + uid))
	w.Expect(lm.Spec.Host).To(Equal(host.Name()))
	w.expectReady("m")
	w.Expect(lm.Status.FailureDomain).To(Equal(host.Name()))
	w.Expect(lm.Status.Addresses).To(ConsistOf(
		clusterv1.MachineAddress{Type: clusterv1.MachineHostName, Address: "m"},
		clusterv1.MachineAddress{Type: clusterv1.MachineInternalIP, Address: "10.150.0.161"}))
	w.Expect(host.Domains()).To(HaveLen(1))
	domain := host.Domains()[0]
	w.Expect(domain.UUID).To(Equal(uid))
	w.Expect(domain.State).To(Equal(virt.DomainRunning))
	w.Expect(domain.HasFirmwareConfig).To(BeTrue())
	w.Expect(lm.Status.Domain).To(Equal(infrav1.DomainStatus{
		Name: domain.Name, State: string(virt.DomainRunning), ConsoleLog: "/var/log/libvirt/qemu/" + domain.Name + "-console.log",
	}))
	ign := w.ignition("m")
	w.Expect(host.Private(ign)).To(BeTrue())
	content, ok := host.Content(ign)
	w.Expect(ok).To(BeTrue())
	w.Expect(string(content)).To(ContainSubstring(`"version":"3.2.0"`))

	w.join("m")
	w.Expect(w.Converge("m")).To(Succeed())
	w.Expect(w.isScrubbed("m")).To(BeTrue())
	w.Expect(host.Domains()[0].HasFirmwareConfig).To(BeFalse())
	_, ok = host.Content(ign)
	w.Expect(ok).To(BeFalse())

	w.remove("m")
	w.Expect(leftovers(host)).To(BeEmpty())
	w.Expect(w.claims()).To(BeEmpty())
}
