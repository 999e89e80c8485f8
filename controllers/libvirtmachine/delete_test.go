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
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
	"github.com/altcos/cluster-api-provider-altcos/test/fixture"
)

func TestDelete_waitsForHostThatDoesNotAnswer(t *testing.T) {
	w, host := newRunning(t)
	host.SetUnreachable(true)
	w.Delete("m")
	result, err := w.Reconcile("m")
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(result.RequeueAfter).To(BeNumerically(">=", 10*time.Second))
	ready := w.ready()
	w.Expect(ready.Reason).To(Equal(infrav1.LibvirtMachineHostUnreachableReason))
	w.Expect(ready.Message).To(ContainSubstring(host.Name()))

	host.SetUnreachable(false)
	w.Expect(w.Converge("m")).To(Succeed())
	w.Expect(w.Exists("m")).To(BeFalse())
	w.Expect(leftovers(host)).To(BeEmpty())
}

func TestDelete_givesUpDeadHostOnlyWhenAPersonNamesIt(t *testing.T) {
	w, host := newRunning(t)
	host.SetUnreachable(true)
	w.annotate("m", infrav1.ForgetHostAnnotation, "another")
	w.Delete("m")
	_, err := w.Reconcile("m")
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(w.Exists("m")).To(BeTrue())
	w.annotate("m", infrav1.ForgetHostAnnotation, host.Name())
	w.Expect(w.Converge("m")).To(Succeed())
	w.Expect(w.Exists("m")).To(BeFalse())
	w.Expect(host.Domains()).To(HaveLen(1))
}

func TestDelete_blocksWhenLibvirtHostIsGone(t *testing.T) {
	w, host := newRunning(t)
	w.Remove(fixture.Get[*infrav1.LibvirtHost](w, "a"))
	w.Delete("m")
	_, err := w.Reconcile("m")
	w.Expect(err).NotTo(HaveOccurred())
	ready := w.ready()
	w.Expect(ready.Reason).To(Equal(infrav1.LibvirtMachineHostUnknownReason))
	w.Expect(ready.Message).To(ContainSubstring(infrav1.ForgetHostAnnotation + "=" + host.Name()))
	w.annotate("m", infrav1.ForgetHostAnnotation, host.Name())
	w.Expect(w.Converge("m")).To(Succeed())
	w.Expect(w.Exists("m")).To(BeFalse())
}

func TestDelete_finishesWithoutOwners(t *testing.T) {
	w, host := newRunning(t)
	for _, o := range []client.Object{
		&clusterv1.Machine{ObjectMeta: w.Meta("m")}, &infrav1.LibvirtCluster{ObjectMeta: w.Meta("demo")}, &clusterv1.Cluster{ObjectMeta: w.Meta("demo")},
	} {
		w.Remove(o)
	}
	w.remove("m")
	w.Expect(leftovers(host)).To(BeEmpty())
}

func TestDelete_ofMachineWithoutHostNeedsNone(t *testing.T) {
	w := newWorld(t)
	w.addMachine("m")
	w.Expect(w.Converge("m")).To(Succeed())
	w.Expect(w.ready().Reason).To(Equal(infrav1.LibvirtMachineNoHostFitsReason))
	w.remove("m")
}

func TestDelete_ofControlPlaneWaitsForLoadBalancer(t *testing.T) {
	for name, release := range map[string]func(*world, *infrav1.LibvirtCluster){
		"the backend is gone":        func(w *world, c *infrav1.LibvirtCluster) { c.Status.LoadBalancer.Backends = nil; w.UpdateStatus(c) },
		"the LibvirtCluster is gone": func(w *world, c *infrav1.LibvirtCluster) { w.Remove(c) },
		"patience ends":              func(w *world, _ *infrav1.LibvirtCluster) { w.Clock.SetTime(time.Now().Add(time.Hour)) },
	} {
		t.Run(name, func(t *testing.T) {
			w, host := newRunning(t, builder.ControlPlane)
			cluster := fixture.Change(w, "demo", func(c *infrav1.LibvirtCluster) {
				c.Status.LoadBalancer.Backends = []infrav1.LoadBalancerBackendStatus{{Name: "m", Address: "10.150.0.161", Health: infrav1.BackendUp}}
			})
			w.Delete("m")
			_, err := w.Reconcile("m")
			w.Expect(err).NotTo(HaveOccurred())
			w.Expect(host.Domains()).To(HaveLen(1))
			release(w, cluster)
			w.Expect(w.Converge("m")).To(Succeed())
			w.Expect(w.Exists("m")).To(BeFalse())
			w.Expect(leftovers(host)).To(BeEmpty())
		})
	}
}

func TestNotOwned_domainOfOurNameIsNeitherTakenNorRemoved(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	w.addMachine("m")
	uuid := string(w.Get("m").UID)
	host.PutDomain(virt.Domain{UUID: uuid, Name: "somebody-elses", State: virt.DomainRunning, VCPUs: 1, MemoryBytes: gib})
	w.Expect(w.Converge("m")).To(Succeed())
	w.Expect(conditions.GetReason(w.Get("m"), infrav1.LibvirtMachineDomainRunningCondition)).To(Equal(infrav1.LibvirtMachineDomainNotOwnedReason))
	w.remove("m")
	w.Expect(host.Domains()).To(HaveLen(1))
}

func TestDelete_findsVolumesAlthoughTheHostGotAnotherPool(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a", fakevirt.WithPool("new", 100*gib))
	w.addMachine("m")
	w.Expect(w.Converge("m")).To(Succeed())
	w.Expect(w.Get("m").Spec.StoragePool).To(Equal(pool))
	fixture.Change(w, "a", func(h *infrav1.LibvirtHost) { h.Spec.StoragePool = "new" })
	w.join("m")
	w.Expect(w.Converge("m")).To(Succeed())
	_, there := host.Content(w.ignition("m"))
	w.Expect(there).To(BeFalse(), "the secrets are still there")
	w.remove("m")
	w.Expect(leftovers(host)).To(BeEmpty())
}

func TestDelete_waitsForAPoolThatIsNotThere(t *testing.T) {
	w, host := newRunning(t)
	host.Apply(fakevirt.WithoutPools())
	w.join("m")
	w.Expect(w.Converge("m")).To(Succeed())
	w.Expect(conditions.GetReason(w.Get("m"), infrav1.LibvirtMachineBootstrapDataRemovedCondition)).To(Equal(infrav1.LibvirtMachineStoragePoolMissingReason))
	w.Delete("m")
	w.Expect(w.Converge("m")).To(Succeed())
	ready := w.ready()
	w.Expect(ready.Reason).To(Equal(infrav1.LibvirtMachineStoragePoolMissingReason))
	w.Expect(ready.Message).To(And(ContainSubstring(`"`+pool+`"`), ContainSubstring(infrav1.ForgetHostAnnotation+"="+host.Name())))
	w.annotate("m", infrav1.ForgetHostAnnotation, host.Name())
	w.Expect(w.Converge("m")).To(Succeed())
	w.Expect(w.Exists("m")).To(BeFalse())
}
