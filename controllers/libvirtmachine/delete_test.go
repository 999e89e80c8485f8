// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
)

func TestDelete_waitsForHostThatDoesNotAnswer(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	w.addMachine("m")
	w.Expect(w.settle("m")).To(Succeed())
	host.SetUnreachable(true)
	w.delete("m")
	result, err := w.reconcile("m")
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(result.RequeueAfter).To(BeNumerically(">=", 10*time.Second))
	ready := conditions.Get(w.get("m"), infrav1.ReadyCondition)
	w.Expect(ready.Reason).To(Equal(infrav1.LibvirtMachineHostUnreachableReason))
	w.Expect(ready.Message).To(ContainSubstring(host.Name()))

	host.SetUnreachable(false)
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(w.exists("m")).To(BeFalse())
	w.Expect(leftovers(host)).To(BeEmpty())
}

func TestDelete_givesUpDeadHostOnlyWhenAPersonNamesIt(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	w.addMachine("m")
	w.Expect(w.settle("m")).To(Succeed())
	host.SetUnreachable(true)
	w.annotate("m", infrav1.ForgetHostAnnotation, "another")
	w.delete("m")
	_, err := w.reconcile("m")
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(w.exists("m")).To(BeTrue())
	w.annotate("m", infrav1.ForgetHostAnnotation, host.Name())
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(w.exists("m")).To(BeFalse())
	w.Expect(host.Domains()).To(HaveLen(1))
}

func TestDelete_blocksWhenLibvirtHostIsGone(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	w.addMachine("m")
	w.Expect(w.settle("m")).To(Succeed())
	object := &infrav1.LibvirtHost{}
	object.Name = host.Name()
	w.Expect(environment.Client.Delete(w.ctx, object)).To(Succeed())
	w.delete("m")
	_, err := w.reconcile("m")
	w.Expect(err).NotTo(HaveOccurred())
	ready := conditions.Get(w.get("m"), infrav1.ReadyCondition)
	w.Expect(ready.Reason).To(Equal(infrav1.LibvirtMachineHostUnknownReason))
	w.Expect(ready.Message).To(ContainSubstring(infrav1.ForgetHostAnnotation + "=" + host.Name()))
	w.annotate("m", infrav1.ForgetHostAnnotation, host.Name())
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(w.exists("m")).To(BeFalse())
}

func TestDelete_finishesWithoutOwners(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	w.addMachine("m")
	w.Expect(w.settle("m")).To(Succeed())
	for _, o := range []client.Object{
		&clusterv1.Machine{ObjectMeta: w.meta("m")}, &infrav1.LibvirtCluster{ObjectMeta: w.meta("demo")}, &clusterv1.Cluster{ObjectMeta: w.meta("demo")},
	} {
		w.Expect(environment.Client.Delete(w.ctx, o)).To(Succeed())
	}
	w.delete("m")
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(w.exists("m")).To(BeFalse())
	w.Expect(leftovers(host)).To(BeEmpty())
}

func TestDelete_ofMachineWithoutHostNeedsNone(t *testing.T) {
	w := newWorld(t)
	w.addMachine("m")
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(conditions.GetReason(w.get("m"), infrav1.ReadyCondition)).To(Equal(infrav1.LibvirtMachineNoHostFitsReason))
	w.delete("m")
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(w.exists("m")).To(BeFalse())
}

func TestDelete_ofControlPlaneWaitsForLoadBalancer(t *testing.T) {
	for name, release := range map[string]func(*world, *infrav1.LibvirtCluster){
		"the backend is gone": func(w *world, c *infrav1.LibvirtCluster) {
			c.Status.LoadBalancer.Backends = nil
			w.Expect(environment.Client.Status().Update(w.ctx, c)).To(Succeed())
		},
		"the LibvirtCluster is gone": func(w *world, c *infrav1.LibvirtCluster) {
			w.Expect(environment.Client.Delete(w.ctx, c)).To(Succeed())
		},
		"patience ends": func(w *world, _ *infrav1.LibvirtCluster) { w.clock.SetTime(time.Now().Add(time.Hour)) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			host := w.addHost("a")
			w.addMachine("m", func(lm *infrav1.LibvirtMachine) { lm.Labels[clusterv1.MachineControlPlaneLabel] = "" })
			w.Expect(w.settle("m")).To(Succeed())
			cluster := &infrav1.LibvirtCluster{}
			w.Expect(environment.Client.Get(w.ctx, w.key("demo"), cluster)).To(Succeed())
			cluster.Status.LoadBalancer.Backends = []infrav1.LoadBalancerBackendStatus{{Name: "m", Address: "10.150.0.161", Health: infrav1.BackendUp}}
			w.Expect(environment.Client.Status().Update(w.ctx, cluster)).To(Succeed())
			w.delete("m")
			_, err := w.reconcile("m")
			w.Expect(err).NotTo(HaveOccurred())
			w.Expect(host.Domains()).To(HaveLen(1))
			release(w, cluster)
			w.Expect(w.settle("m")).To(Succeed())
			w.Expect(w.exists("m")).To(BeFalse())
			w.Expect(leftovers(host)).To(BeEmpty())
		})
	}
}

func TestForeign_domainOfOurNameIsNeitherTakenNorRemoved(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	w.addMachine("m")
	uuid := string(w.get("m").UID)
	host.PutDomain(virt.Domain{UUID: uuid, Name: "somebody-elses", State: virt.DomainRunning, VCPUs: 1, MemoryBytes: gib})
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(conditions.GetReason(w.get("m"), infrav1.LibvirtMachineDomainRunningCondition)).To(Equal(infrav1.LibvirtMachineDomainNotOwnedReason))
	w.delete("m")
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(w.exists("m")).To(BeFalse())
	w.Expect(host.Domains()).To(HaveLen(1))
}

func TestDelete_findsVolumesAlthoughTheHostGotAnotherPool(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a", fakevirt.WithPool("new", 100*gib))
	w.addMachine("m")
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(w.get("m").Spec.StoragePool).To(Equal(pool))
	object := &infrav1.LibvirtHost{}
	w.Expect(environment.Client.Get(w.ctx, client.ObjectKey{Name: host.Name()}, object)).To(Succeed())
	object.Spec.StoragePool = "new"
	w.Expect(environment.Client.Update(w.ctx, object)).To(Succeed())
	w.join("m")
	w.Expect(w.settle("m")).To(Succeed())
	_, there := host.Content(virt.VolumeRef{Pool: pool, Name: string(w.get("m").UID) + ".ign"})
	w.Expect(there).To(BeFalse(), "the secrets are still there")
	w.delete("m")
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(w.exists("m")).To(BeFalse())
	w.Expect(leftovers(host)).To(BeEmpty())
}

func TestDelete_waitsForAPoolThatIsNotThere(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	w.addMachine("m")
	w.Expect(w.settle("m")).To(Succeed())
	host.Apply(fakevirt.WithoutPools())
	w.join("m")
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(conditions.GetReason(w.get("m"), infrav1.LibvirtMachineBootstrapDataRemovedCondition)).To(Equal(infrav1.LibvirtMachineStoragePoolMissingReason))
	w.delete("m")
	w.Expect(w.settle("m")).To(Succeed())
	ready := conditions.Get(w.get("m"), infrav1.ReadyCondition)
	w.Expect(ready.Reason).To(Equal(infrav1.LibvirtMachineStoragePoolMissingReason))
	w.Expect(ready.Message).To(And(ContainSubstring(`"`+pool+`"`), ContainSubstring(infrav1.ForgetHostAnnotation+"="+host.Name())))
	w.annotate("m", infrav1.ForgetHostAnnotation, host.Name())
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(w.exists("m")).To(BeFalse())
}
