// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"errors"
	"fmt"
	"testing"

	. "github.com/onsi/gomega"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
)

func TestReconcile_bringsMachineUpAndRemovesItWithoutTrace(t *testing.T) {
	w, host := newMachine(t)
	uid := string(w.Get("m").UID)

	lm := w.Converged("m")
	w.Expect(lm.Spec.ProviderID).To(Equal("libvirt://" + uid))
	w.Expect(lm.Spec.Host).To(Equal(host.Name()))
	w.ExpectTrue("m", infrav1.ReadyCondition)
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
	w.Converged("m")
	w.Expect(w.isScrubbed("m")).To(BeTrue())
	w.Expect(host.Domains()[0].HasFirmwareConfig).To(BeFalse())
	_, ok = host.Content(ign)
	w.Expect(ok).To(BeFalse())

	w.removeFrom(host, "m")
	w.Expect(w.claims()).To(BeEmpty())
}

var errBroken = errors.New("connection broke")

// methods are all calls that a machine's life makes.
func methods() []fakevirt.Method {
	return []fakevirt.Method{
		fakevirt.MethodConnect, fakevirt.MethodDomain, fakevirt.MethodDefineDomain, fakevirt.MethodStartDomain,
		fakevirt.MethodRemoveFirmwareConfig, fakevirt.MethodRemoveDomain, fakevirt.MethodVolume, fakevirt.MethodListVolumes,
		fakevirt.MethodCreateVolume, fakevirt.MethodWriteVolume, fakevirt.MethodDeleteVolume,
	}
}

func TestReconcile_survivesOneBrokenCallOfEachKind(t *testing.T) {
	for _, method := range methods() {
		for _, after := range []bool{false, true} {
			for _, cause := range []error{errBroken, virt.ErrUnreachable} {
				t.Run(fmt.Sprintf("%s, after its effect %v, %v", method, after, cause), func(t *testing.T) {
					w, host := newMachine(t)
					fault := fakevirt.Fault{Err: cause, Times: 1, AfterEffect: after}
					host.Inject(method, fault)
					liveAndDie(w, host)
				})
			}
		}
	}
}

func TestReconcile_survivesBreaksAtEveryCall(t *testing.T) {
	w, host := newMachine(t)
	for i := range 40 { // every other call breaks
		host.Inject(fakevirt.MethodAny, fakevirt.Fault{Times: i % 2})
		host.Inject(fakevirt.MethodAny, fakevirt.Fault{Err: errBroken, Times: 1, AfterEffect: i%4 < 2})
	}
	liveAndDie(w, host)
}

// liveAndDie brings the machine through its whole life, and finds one domain in it and nothing after it.
func liveAndDie(w *world, host *fakevirt.Host) {
	w.T.Helper()
	lm := w.ExpectReady("m")
	w.Expect(host.Domains()).To(HaveLen(1))
	w.Expect(host.Domains()[0].UUID).To(Equal(string(lm.UID)))
	w.Expect(host.Domains()[0].State).To(Equal(virt.DomainRunning))

	w.join("m")
	w.Converged("m")
	w.Expect(w.isScrubbed("m")).To(BeTrue())
	_, ok := host.Content(w.ignition("m"))
	w.Expect(ok).To(BeFalse())

	w.removeFrom(host, "m")
}
