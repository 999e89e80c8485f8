// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
	"github.com/altcos/cluster-api-provider-altcos/test/fixture"
)

// wipe does to the machine what clusterctl move does: no status, no bootstrap data needed.
func (w *world) wipe(name string) {
	w.T.Helper()
	w.Change(name, func(lm *infrav1.LibvirtMachine) { lm.Status = infrav1.LibvirtMachineStatus{} })
	w.Remove(fixture.Get[*corev1.Secret](w, name))
	fixture.Change(w, "demo", builder.Unprovisioned)
}

func TestMove_findsTheSameMachine(t *testing.T) {
	w, host := newRunning(t)
	w.join("m")
	before := w.Converged("m")
	w.wipe("m")
	// the moved object is another one: same spec, new UID
	w.removeFinalizers("m")
	w.Delete("m")
	moved := &infrav1.LibvirtMachine{ObjectMeta: w.Meta("m"), Spec: before.Spec}
	moved.OwnerReferences = before.OwnerReferences
	w.Create(moved)
	after := w.Converged("m")
	w.Expect(after.UID).NotTo(Equal(before.UID))
	w.Expect(after.Spec.ProviderID).To(Equal("libvirt://" + string(before.UID)))
	w.ExpectTrue("m", infrav1.ReadyCondition)
	w.Expect(host.Calls(fakevirt.MethodDefineDomain)).To(Equal(1))
	w.Expect(host.Domains()).To(HaveLen(1))
	w.removeFrom(host, "m")
}

func TestVanishedDomain_isNeverMadeAnew(t *testing.T) {
	for name, forget := range map[string]func(*world){
		"status tells that it ran":               func(*world) {},
		"after a move only the Machine tells so": func(w *world) { w.wipe("m") },
	} {
		t.Run(name, func(t *testing.T) {
			w, host := newRunning(t)
			w.join("m")
			host.DropDomain(string(w.Get("m").UID))
			forget(w)
			lm := w.Converged("m")
			w.Expect(conditions.GetReason(lm, infrav1.ReadyCondition)).To(Equal(infrav1.LibvirtMachineDomainMissingReason))
			w.Expect(host.Domains()).To(BeEmpty())
			if name == "status tells that it ran" {
				w.Expect(lm.Status.Initialization.Provisioned).To(HaveValue(BeTrue()))
			}
		})
	}
}

func TestStoppedDomain_isStartedAgainUnlessPaused(t *testing.T) {
	w, host := newRunning(t)
	host.PowerCycle()
	w.Converged("m")
	w.Expect(host.Domains()[0].State).To(Equal(virt.DomainRunning))
	host.SetState(string(w.Get("m").UID), virt.DomainPaused)
	w.Converged("m")
	w.Expect(host.Domains()[0].State).To(Equal(virt.DomainPaused))
	w.ExpectFalse("m", infrav1.ReadyCondition, infrav1.LibvirtMachineDomainStoppedReason)
}

func TestBootstrapData_changedAfterStartIsIgnored(t *testing.T) {
	w, host := newRunning(t)
	ref := w.ignition("m")
	before, _ := host.Content(ref)
	w.setSecret("cloud-config", "#cloud-config\nnonsense: true\n")
	w.Converged("m")
	after, _ := host.Content(ref)
	w.Expect(after).To(Equal(before))
	w.ExpectTrue("m", infrav1.ReadyCondition)
}

func TestPaused_machineIsLeftAlone(t *testing.T) {
	w, host := newMachine(t)
	w.Change("m", builder.Paused)
	w.Converged("m")
	w.ExpectTrue("m", infrav1.PausedCondition)
	w.Expect(w.Get("m").Spec.ProviderID).To(BeEmpty())
	w.Expect(host.Calls(fakevirt.MethodAny)).To(BeZero())
}

func TestCopy_neitherTakesNorRemovesTheOriginal(t *testing.T) {
	for name, unseen := range map[string]bool{
		"both are seen":                      false,
		"the original's object is not there": true, // another management cluster has it
	} {
		t.Run(name, func(t *testing.T) {
			w, host := newRunning(t)
			before, calls := leftovers(host), 0
			w.addMachine("copy", func(lm *infrav1.LibvirtMachine) { lm.Spec = w.Get("m").Spec })
			if unseen {
				w.removeFinalizers("m")
				w.Delete("m")
			} else {
				calls = host.Calls(fakevirt.MethodAny)
			}
			w.Converged("copy")
			ready := conditions.Get(w.Get("copy"), infrav1.ReadyCondition)
			w.Expect(ready.Reason).To(Equal(infrav1.LibvirtMachineDomainNotOwnedReason))
			w.Expect(ready.Message).To(And(ContainSubstring(`LibvirtMachine "m"`), ContainSubstring(w.Namespace)))
			w.remove("copy")
			w.Expect(leftovers(host)).To(Equal(before))
			if unseen {
				return
			}
			w.Expect(host.Calls(fakevirt.MethodAny)).To(Equal(calls), "the copy went to the host")
			w.ExpectReady("m")
			w.removeFrom(host, "m")
		})
	}
}
