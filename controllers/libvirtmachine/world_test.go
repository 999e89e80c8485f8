// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	capibootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/cluster-api/bootstrap/kubeadm/pkg/cloudinit"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/controllers/libvirtmachine"
	"github.com/altcos/cluster-api-provider-altcos/internal/async"
	"github.com/altcos/cluster-api-provider-altcos/internal/imagecache"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/placement"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/virttest"
	"github.com/altcos/cluster-api-provider-altcos/internal/vm"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
	"github.com/altcos/cluster-api-provider-altcos/test/envtest"
	"github.com/altcos/cluster-api-provider-altcos/test/fixture"
)

const (
	pool = "default"
	gib  = int64(1) << 30
)

// world is a namespace with one cluster and hosts that only it may use.
type world struct {
	*fixture.Fixture[*infrav1.LibvirtMachine, *libvirtmachine.Reconciler]
	cloud *fakevirt.Cloud
	hosts map[string]*fakevirt.Host
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{cloud: fakevirt.NewCloud(), hosts: map[string]*fakevirt.Host{}}
	w.Fixture = fixture.New[*infrav1.LibvirtMachine](t, environment, &libvirtmachine.Reconciler{})
	w.Reconciler = w.newReconciler(environment.Client, noImages{}, async.New(async.Options{}))
	w.BeforeEach = func() {
		w.answerClaims()
		w.checkMachines()
	}
	w.Create(builder.LibvirtCluster(w.Meta("demo"), func(lc *infrav1.LibvirtCluster) {
		lc.Spec.ControlPlaneEndpoint.Port = 8443
		lc.Spec.Network = infrav1.NodeNetwork{AddressPoolRefs: []infrav1.AddressPoolReference{{Name: "nodes"}}, IPSettings: infrav1.IPSettings{Nameservers: []string{"10.150.0.1"}}}
	}), builder.Cluster(w.Meta("demo"), builder.Provisioned))
	return w
}

// newReconciler is a manager that remembers nothing.
func (w *world) newReconciler(c client.Client, images vm.Images, tasks vm.Tasks) *libvirtmachine.Reconciler {
	return &libvirtmachine.Reconciler{
		Client: c, Images: images, Tasks: tasks, Ledger: placement.NewLedger(), Recorder: w.Recorder, Clock: w.Clock,
		Hosts: inventory.Access{Client: c, Namespace: w.Namespace, Connector: w.cloud},
	}
}

// newMachine returns a world with a host and a machine "m" that nobody has looked at.
func newMachine(t testing.TB, modifiers ...func(*infrav1.LibvirtMachine)) (*world, *fakevirt.Host) {
	t.Helper()
	w := newWorld(t)
	host := w.addHost("a")
	w.addMachine("m", modifiers...)
	return w, host
}

// newRunning returns what newMachine does, with the machine running.
func newRunning(t testing.TB, modifiers ...func(*infrav1.LibvirtMachine)) (*world, *fakevirt.Host) {
	t.Helper()
	w, host := newMachine(t, modifiers...)
	w.Converged("m")
	return w, host
}

type noImages struct{}

func (noImages) Lookup(context.Context, virt.Volumes, imagecache.Request) (virt.Volume, error) {
	return virt.Volume{}, virt.ErrNotFound
}

func (noImages) Ensure(context.Context, virt.Volumes, imagecache.Request) (virt.Volume, error) {
	return virt.Volume{}, virt.ErrNotFound
}

// addHost makes a LibvirtHost for the world's namespace and the hypervisor behind it, with a base image in its pool.
func (w *world) addHost(name string, opts ...fakevirt.HostOption) *fakevirt.Host {
	w.T.Helper()
	fake := w.cloud.AddHost(w.Global(name), opts...)
	w.hosts[name] = fake
	w.Expect(fake.PutVolume(virt.VolumeRef{Pool: pool, Name: builder.Image}, virt.VolumeQCOW2, virttest.QCOW2(8*gib))).To(Succeed())
	w.Create(builder.LibvirtHost(w.Global(name), builder.OnlyFor(w.Namespace), builder.HostReady(metav1.ConditionTrue), func(h *infrav1.LibvirtHost) {
		h.Status.Allocatable = infrav1.HostResources{
			CPUs: new(int32(16)), Memory: resource.NewQuantity(16*gib, resource.BinarySI), Storage: resource.NewQuantity(100*gib, resource.BinarySI),
		}
	}))
	return fake
}

// addMachine makes a Machine with bootstrap data and its LibvirtMachine, changed by modifiers.
func (w *world) addMachine(name string, modifiers ...func(*infrav1.LibvirtMachine)) {
	w.T.Helper()
	config := cabpk.Render(w.T, cabpk.Worker, cloudinit.BaseUserData{}, capibootstrapv1.NodeRegistrationOptions{Name: "{{ ds.meta_data.local_hostname }}"})
	machine := builder.Machine(w.Meta(name))
	w.Create(builder.Secret(w.Meta(name), "format", "cloud-config", "value", string(config)), machine)
	lm := builder.LibvirtMachine(w.Meta(name), append([]func(*infrav1.LibvirtMachine){func(lm *infrav1.LibvirtMachine) {
		lm.Spec.RootDisk.Size = resource.NewQuantity(10*gib, resource.BinarySI)
		lm.Spec.DataDisks = []infrav1.DataDisk{{Name: "containers", Size: resource.MustParse("20Gi")}}
	}}, modifiers...)...)
	w.Expect(controllerutil.SetControllerReference(machine, lm, environment.Scheme)).To(Succeed())
	w.Create(lm)
}

// remove deletes a machine and waits until it is gone.
func (w *world) remove(name string) {
	w.T.Helper()
	w.Delete(name)
	w.ExpectGone(name)
}

// removeFrom deletes a machine and expects nothing of it to be left.
func (w *world) removeFrom(host *fakevirt.Host, name string) {
	w.T.Helper()
	w.Delete(name)
	w.expectNoTrace(host, name)
}

// expectNoTrace expects a machine that is deleted to be gone, and all that it had on its host.
func (w *world) expectNoTrace(host *fakevirt.Host, name string) {
	w.T.Helper()
	w.ExpectGone(name)
	w.Expect(leftovers(host)).To(BeEmpty())
}

func (w *world) isReady(name string) bool {
	w.T.Helper()
	return conditions.IsTrue(w.Get(name), infrav1.ReadyCondition)
}

// isScrubbed reports whether the machine's host has forgotten its secrets.
func (w *world) isScrubbed(name string) bool {
	w.T.Helper()
	return conditions.IsTrue(w.Get(name), infrav1.LibvirtMachineBootstrapDataRemovedCondition)
}

// ignition is the volume with the machine's config.
func (w *world) ignition(name string) virt.VolumeRef {
	w.T.Helper()
	return virt.VolumeRef{Pool: pool, Name: string(w.Get(name).UID) + ".ign"}
}

// answerClaims does the work of an IPAM provider.
func (w *world) answerClaims() {
	w.T.Helper()
	claims := w.claims()
	for i := range claims {
		claim := &claims[i]
		if claim.Status.AddressRef.Name != "" || !claim.DeletionTimestamp.IsZero() {
			continue
		}
		w.Create(builder.IPAddress(claim, w.nextAddress()))
		claim.Status.AddressRef.Name = claim.Name
		w.UpdateStatus(claim)
	}
}

func (w *world) claims() []ipamv1.IPAddressClaim {
	w.T.Helper()
	list := &ipamv1.IPAddressClaimList{}
	w.Expect(environment.Client.List(w.Ctx, list, client.InNamespace(w.Namespace))).To(Succeed())
	return list.Items
}

func (w *world) machines() []infrav1.LibvirtMachine {
	w.T.Helper()
	list := &infrav1.LibvirtMachineList{}
	w.Expect(environment.Client.List(w.Ctx, list, client.InNamespace(w.Namespace))).To(Succeed())
	return list.Items
}

func (w *world) nextAddress() string {
	addresses := &ipamv1.IPAddressList{}
	w.Expect(environment.Client.List(w.Ctx, addresses, client.InNamespace(w.Namespace))).To(Succeed())
	return fmt.Sprintf("10.150.0.%d", 161+len(addresses.Items))
}

// join gives the Machine its node, as Cluster API does.
func (w *world) join(name string) {
	w.T.Helper()
	fixture.Change(w, name, func(m *clusterv1.Machine) {
		m.Spec.ProviderID, m.Status.NodeRef.Name = w.Get(name).Spec.ProviderID, name
	})
}

// checkMachines has invariants beside those of statuscheck.
func (w *world) checkMachines() {
	w.T.Helper()
	for _, lm := range w.machines() {
		if conditions.Has(&lm, infrav1.ReadyCondition) {
			w.Expect(lm.Finalizers).To(ContainElement(infrav1.MachineFinalizer), "LibvirtMachine %q has conditions but no finalizer", lm.Name)
		}
		if conditions.IsTrue(&lm, infrav1.ReadyCondition) {
			w.Expect(lm.Spec.ProviderID).NotTo(BeEmpty())
			w.Expect(lm.Status.Initialization.Provisioned).To(HaveValue(BeTrue()))
		}
	}
}

// leftovers are what the machine has on the host: domains and volumes, the base image left out.
func leftovers(h *fakevirt.Host) []string {
	var names []string
	for _, d := range h.Domains() {
		names = append(names, "domain "+d.Name)
	}
	for _, v := range h.Volumes(pool) {
		if v.Name != builder.Image {
			names = append(names, "volume "+v.Name)
		}
	}
	return names
}

func (w *world) annotate(name, key, value string) {
	w.T.Helper()
	w.Change(name, builder.Annotated[*infrav1.LibvirtMachine](key, value))
}

func (w *world) removeFinalizers(name string) {
	w.T.Helper()
	w.Change(name, func(lm *infrav1.LibvirtMachine) { lm.Finalizers = nil })
}

var environment *envtest.Environment

func TestMain(m *testing.M) { os.Exit(envtest.Main(m, &environment)) }
