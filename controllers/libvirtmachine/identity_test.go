// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
)

// wipe does to the machine what clusterctl move does: no status, no bootstrap data needed.
func (w *world) wipe(name string) {
	w.t.Helper()
	lm := w.get(name)
	lm.Status = infrav1.LibvirtMachineStatus{}
	w.Expect(environment.Client.Status().Update(w.ctx, lm)).To(Succeed())
	w.Expect(environment.Client.Delete(w.ctx, &corev1.Secret{ObjectMeta: w.meta(name)})).To(Succeed())
	cluster := &clusterv1.Cluster{}
	w.Expect(environment.Client.Get(w.ctx, w.key("demo"), cluster)).To(Succeed())
	cluster.Status.Initialization.InfrastructureProvisioned = nil
	w.Expect(environment.Client.Status().Update(w.ctx, cluster)).To(Succeed())
}

func TestMove_findsTheSameMachine(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	w.addMachine("m")
	w.Expect(w.settle("m")).To(Succeed())
	w.join("m")
	w.Expect(w.settle("m")).To(Succeed())
	before := w.get("m")
	w.wipe("m")
	// the moved object is another one: same spec, new UID
	w.Expect(w.removeFinalizers("m")).To(Succeed())
	w.delete("m")
	moved := &infrav1.LibvirtMachine{ObjectMeta: w.meta("m"), Spec: before.Spec}
	moved.OwnerReferences = before.OwnerReferences
	w.create(moved)
	w.Expect(w.settle("m")).To(Succeed())
	after := w.get("m")
	w.Expect(after.UID).NotTo(Equal(before.UID))
	w.Expect(after.Spec.ProviderID).To(Equal("libvirt://" + string(before.UID)))
	w.Expect(conditions.IsTrue(after, infrav1.ReadyCondition)).To(BeTrue(), "%v", after.Status.Conditions)
	w.Expect(host.Calls(fakevirt.MethodDefineDomain)).To(Equal(1))
	w.Expect(host.Domains()).To(HaveLen(1))
	w.delete("m")
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(leftovers(host)).To(BeEmpty())
}

func TestVanishedDomain_isNeverMadeAnew(t *testing.T) {
	for name, forget := range map[string]func(*world){
		"status tells that it ran":               func(*world) {},
		"after a move only the Machine tells so": func(w *world) { w.wipe("m") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			host := w.addHost("a")
			w.addMachine("m")
			w.Expect(w.settle("m")).To(Succeed())
			w.join("m")
			host.DropDomain(string(w.get("m").UID))
			forget(w)
			w.Expect(w.settle("m")).To(Succeed())
			lm := w.get("m")
			w.Expect(conditions.GetReason(lm, infrav1.ReadyCondition)).To(Equal(infrav1.LibvirtMachineDomainMissingReason))
			w.Expect(host.Domains()).To(BeEmpty())
			if name == "status tells that it ran" {
				w.Expect(ptr.Deref(lm.Status.Initialization.Provisioned, false)).To(BeTrue())
			}
		})
	}
}

func TestStoppedDomain_isStartedAgainUnlessPaused(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	w.addMachine("m")
	w.Expect(w.settle("m")).To(Succeed())
	host.PowerCycle()
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(host.Domains()[0].State).To(Equal(virt.DomainRunning))
	host.SetState(string(w.get("m").UID), virt.DomainPaused)
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(host.Domains()[0].State).To(Equal(virt.DomainPaused))
	w.Expect(conditions.GetReason(w.get("m"), infrav1.ReadyCondition)).To(Equal(infrav1.LibvirtMachineDomainStoppedReason))
}

func TestBootstrapData_changedAfterStartIsIgnored(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	w.addMachine("m")
	w.Expect(w.settle("m")).To(Succeed())
	ref := virt.VolumeRef{Pool: pool, Name: string(w.get("m").UID) + ".ign"}
	before, _ := host.Content(ref)
	secret := &corev1.Secret{}
	w.Expect(environment.Client.Get(w.ctx, w.key("m"), secret)).To(Succeed())
	secret.Data["value"] = []byte("#cloud-config\nnonsense: true\n")
	w.Expect(environment.Client.Update(w.ctx, secret)).To(Succeed())
	w.Expect(w.settle("m")).To(Succeed())
	after, _ := host.Content(ref)
	w.Expect(after).To(Equal(before))
	w.Expect(conditions.IsTrue(w.get("m"), infrav1.ReadyCondition)).To(BeTrue())
}

func TestPaused_machineIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	w.addMachine("m")
	w.annotate("m", clusterv1.PausedAnnotation, "")
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(conditions.IsTrue(w.get("m"), infrav1.PausedCondition)).To(BeTrue())
	w.Expect(w.get("m").Spec.ProviderID).To(BeEmpty())
	w.Expect(host.Calls(fakevirt.MethodAny)).To(BeZero())
}

func TestCopy_neitherTakesNorRemovesTheOriginal(t *testing.T) {
	for name, unseen := range map[string]bool{
		"both are seen":                      false,
		"the original's object is not there": true, // another management cluster has it
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			host := w.addHost("a")
			w.addMachine("m")
			w.Expect(w.settle("m")).To(Succeed())
			before, calls := leftovers(host), 0
			w.addMachine("copy", func(lm *infrav1.LibvirtMachine) { lm.Spec = w.get("m").Spec })
			if unseen {
				w.Expect(w.removeFinalizers("m")).To(Succeed())
				w.delete("m")
			} else {
				calls = host.Calls(fakevirt.MethodAny)
			}
			w.Expect(w.settle("copy")).To(Succeed())
			ready := conditions.Get(w.get("copy"), infrav1.ReadyCondition)
			w.Expect(ready.Reason).To(Equal(infrav1.LibvirtMachineDomainNotOwnedReason))
			w.Expect(ready.Message).To(And(ContainSubstring(`LibvirtMachine "m"`), ContainSubstring(w.namespace)))
			w.delete("copy")
			w.Expect(w.settle("copy")).To(Succeed())
			w.Expect(w.exists("copy")).To(BeFalse())
			w.Expect(leftovers(host)).To(Equal(before))
			if unseen {
				return
			}
			w.Expect(host.Calls(fakevirt.MethodAny)).To(Equal(calls), "the copy went to the host")
			w.Expect(w.settle("m")).To(Succeed())
			w.Expect(conditions.IsTrue(w.get("m"), infrav1.ReadyCondition)).To(BeTrue())
			w.delete("m")
			w.Expect(w.settle("m")).To(Succeed())
			w.Expect(leftovers(host)).To(BeEmpty())
		})
	}
}
