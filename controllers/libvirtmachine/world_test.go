// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
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
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
)

const (
	pool    = "default"
	gib     = int64(1) << 30
	baseImg = "altcos.qcow2"
)

// world is a namespace with one cluster, hosts that only it may use, and a Reconciler that a test calls by hand.
type world struct {
	*WithT
	t          testing.TB
	ctx        context.Context
	namespace  string
	cloud      *fakevirt.Cloud
	hosts      map[string]*fakevirt.Host
	clock      *clocktesting.FakePassiveClock
	reconciler *libvirtmachine.Reconciler
	events     *events.FakeRecorder
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		WithT: NewWithT(t), t: t, ctx: t.Context(), cloud: fakevirt.NewCloud(), hosts: map[string]*fakevirt.Host{},
		clock:  clocktesting.NewFakePassiveClock(time.Now()),
		events: events.NewFakeRecorder(1000),
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "lvm-"}}
	w.create(ns)
	w.namespace = ns.Name
	w.reconciler = &libvirtmachine.Reconciler{
		Client: environment.Client, Hosts: w.access(environment.Client), Images: noImages{}, Tasks: async.New(async.Options{}), Ledger: placement.NewLedger(), Recorder: w.events, Clock: w.clock,
	}
	w.addCluster()
	return w
}

func (w *world) access(c client.Client) inventory.Access {
	return inventory.Access{Client: c, Namespace: w.namespace, Connector: w.cloud}
}

type noImages struct{}

func (noImages) Lookup(context.Context, virt.Volumes, imagecache.Request) (virt.Volume, error) {
	return virt.Volume{}, virt.ErrNotFound
}

func (noImages) Ensure(context.Context, virt.Volumes, imagecache.Request) (virt.Volume, error) {
	return virt.Volume{}, virt.ErrNotFound
}

func (w *world) create(o client.Object) {
	w.t.Helper()
	w.Expect(environment.Client.Create(w.ctx, o)).To(Succeed())
}

func (w *world) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: w.namespace, Name: name, Labels: map[string]string{clusterv1.ClusterNameLabel: "demo"}}
}

func (w *world) key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: w.namespace, Name: name}
}

// addCluster makes Cluster and LibvirtCluster, provisioned.
func (w *world) addCluster() {
	w.t.Helper()
	infra := &infrav1.LibvirtCluster{ObjectMeta: w.meta("demo"), Spec: infrav1.LibvirtClusterSpec{
		ControlPlaneEndpoint: clusterv1.APIEndpoint{Host: "10.150.0.160", Port: 8443},
		Network: infrav1.NodeNetwork{
			AddressPoolRefs: []infrav1.AddressPoolReference{{Name: "nodes"}},
			IPSettings:      infrav1.IPSettings{Nameservers: []string{"10.150.0.1"}},
		},
	}}
	w.create(infra)
	cluster := &clusterv1.Cluster{ObjectMeta: w.meta("demo"), Spec: clusterv1.ClusterSpec{
		InfrastructureRef: clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupVersion.Group, Kind: "LibvirtCluster", Name: "demo"},
	}}
	w.create(cluster)
	cluster.Status.Initialization.InfrastructureProvisioned = ptr.To(true)
	w.Expect(environment.Client.Status().Update(w.ctx, cluster)).To(Succeed())
}

// hostName makes names of cluster-scoped hosts unique.
func (w *world) hostName(name string) string { return w.namespace + "-" + name }

// addHost makes a LibvirtHost for the world's namespace and the hypervisor behind it, with a base image in its pool.
func (w *world) addHost(name string, opts ...fakevirt.HostOption) *fakevirt.Host {
	w.t.Helper()
	fake := w.cloud.AddHost(w.hostName(name), opts...)
	w.hosts[name] = fake
	w.Expect(fake.PutVolume(virt.VolumeRef{Pool: pool, Name: baseImg}, virt.VolumeQCOW2, qcow2(8*gib))).To(Succeed())
	host := &infrav1.LibvirtHost{ObjectMeta: metav1.ObjectMeta{Name: w.hostName(name)}, Spec: infrav1.LibvirtHostSpec{
		URI:               "qemu+unix:///system",
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: w.namespace}},
	}}
	w.create(host)
	w.t.Cleanup(func() { _ = environment.Client.Delete(context.WithoutCancel(w.ctx), host) })
	host.Status.Allocatable = infrav1.HostResources{
		CPUs: ptr.To[int32](16), Memory: resource.NewQuantity(16*gib, resource.BinarySI), Storage: resource.NewQuantity(100*gib, resource.BinarySI),
	}
	w.setHostReady(host, metav1.ConditionTrue)
	return fake
}

func (w *world) setHostReady(host *infrav1.LibvirtHost, status metav1.ConditionStatus) {
	w.t.Helper()
	conditions.Set(host, metav1.Condition{Type: infrav1.ReadyCondition, Status: status, Reason: "Test"})
	w.Expect(environment.Client.Status().Update(w.ctx, host)).To(Succeed())
}

// qcow2 is the header of an empty image of the given capacity.
func qcow2(capacity int64) []byte {
	header := make([]byte, 512)
	copy(header, "QFI\xfb\x00\x00\x00\x03")
	header[23] = 16 // cluster bits
	for i := range 8 {
		header[24+i] = byte(capacity >> (56 - 8*i))
	}
	return header
}

// addMachine makes a Machine with bootstrap data and its LibvirtMachine, changed by opts.
func (w *world) addMachine(name string, opts ...func(*infrav1.LibvirtMachine)) {
	w.t.Helper()
	w.create(&corev1.Secret{ObjectMeta: w.meta(name), Data: map[string][]byte{
		"format": []byte("cloud-config"),
		"value": cabpk.Render(w.t, cabpk.Worker, cloudinit.BaseUserData{},
			capibootstrapv1.NodeRegistrationOptions{Name: "{{ ds.meta_data.local_hostname }}"}),
	}})
	machine := &clusterv1.Machine{ObjectMeta: w.meta(name), Spec: clusterv1.MachineSpec{
		ClusterName:       "demo",
		Bootstrap:         clusterv1.Bootstrap{DataSecretName: &name},
		InfrastructureRef: clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupVersion.Group, Kind: "LibvirtMachine", Name: name},
	}}
	w.create(machine)
	lm := &infrav1.LibvirtMachine{ObjectMeta: w.meta(name), Spec: infrav1.LibvirtMachineSpec{
		VCPUs: 2, Memory: resource.MustParse("2Gi"),
		Image:     infrav1.Image{Volume: baseImg},
		RootDisk:  infrav1.RootDisk{Size: resource.NewQuantity(10*gib, resource.BinarySI)},
		DataDisks: []infrav1.DataDisk{{Name: "containers", Size: resource.MustParse("20Gi")}},
	}}
	for _, opt := range opts {
		opt(lm)
	}
	w.Expect(controllerutil.SetControllerReference(machine, lm, environment.Scheme)).To(Succeed())
	w.create(lm)
}

func (w *world) get(name string) *infrav1.LibvirtMachine {
	w.t.Helper()
	lm := &infrav1.LibvirtMachine{}
	w.Expect(environment.Client.Get(w.ctx, w.key(name), lm)).To(Succeed())
	return lm
}

func (w *world) reconcile(name string) (ctrl.Result, error) {
	return w.reconciler.Reconcile(w.ctx, ctrl.Request{NamespacedName: w.key(name)})
}

// settle answers claims and reconciles, as often as it takes until two Reconciles in a row end without error, change
// nothing and make no new calls fail. What waits for time is tried at once. It returns the last error.
func (w *world) settle(name string) error {
	w.t.Helper()
	var last error
	quiet := 0
	for before, i := "", 0; i < 100 && quiet < 2; i++ {
		w.answerClaims()
		_, last = w.reconcile(name)
		if !w.exists(name) {
			return nil
		}
		lm := w.get(name)
		checkConditions(w, lm)
		if quiet++; last != nil || lm.ResourceVersion != before {
			quiet = 0
		}
		before = lm.ResourceVersion
	}
	return last
}

func (w *world) exists(name string) bool {
	w.t.Helper()
	err := environment.Client.Get(w.ctx, w.key(name), &infrav1.LibvirtMachine{})
	w.Expect(client.IgnoreNotFound(err)).To(Succeed())
	return err == nil
}

// answerClaims does the work of an IPAM provider.
func (w *world) answerClaims() {
	w.t.Helper()
	claims := &ipamv1.IPAddressClaimList{}
	w.Expect(environment.Client.List(w.ctx, claims, client.InNamespace(w.namespace))).To(Succeed())
	for i := range claims.Items {
		claim := &claims.Items[i]
		if claim.Status.AddressRef.Name != "" || !claim.DeletionTimestamp.IsZero() {
			continue
		}
		w.create(&ipamv1.IPAddress{ObjectMeta: w.meta(claim.Name), Spec: ipamv1.IPAddressSpec{
			ClaimRef: ipamv1.IPAddressClaimReference{Name: claim.Name}, PoolRef: claim.Spec.PoolRef,
			Address: w.nextAddress(), Prefix: ptr.To[int32](24), Gateway: "10.150.0.1",
		}})
		claim.Status.AddressRef.Name = claim.Name
		w.Expect(environment.Client.Status().Update(w.ctx, claim)).To(Succeed())
	}
}

func (w *world) nextAddress() string {
	addresses := &ipamv1.IPAddressList{}
	w.Expect(environment.Client.List(w.ctx, addresses, client.InNamespace(w.namespace))).To(Succeed())
	return fmt.Sprintf("10.150.0.%d", 161+len(addresses.Items))
}

// join gives the Machine its node, as Cluster API does.
func (w *world) join(name string) {
	w.t.Helper()
	machine := &clusterv1.Machine{}
	w.Expect(environment.Client.Get(w.ctx, w.key(name), machine)).To(Succeed())
	machine.Spec.ProviderID = w.get(name).Spec.ProviderID
	w.Expect(environment.Client.Update(w.ctx, machine)).To(Succeed())
	machine.Status.NodeRef.Name = name
	w.Expect(environment.Client.Status().Update(w.ctx, machine)).To(Succeed())
}

func (w *world) delete(name string) {
	w.t.Helper()
	w.Expect(environment.Client.Delete(w.ctx, w.get(name))).To(Succeed())
}

// checkConditions are invariants that hold after every Reconcile.
func checkConditions(w *world, lm *infrav1.LibvirtMachine) {
	w.t.Helper()
	ready := conditions.Get(lm, infrav1.ReadyCondition)
	if ready == nil {
		return
	}
	for _, c := range lm.Status.Conditions {
		if ready.Status == metav1.ConditionTrue && c.Type != infrav1.PausedCondition {
			w.Expect(c.Status).NotTo(Equal(metav1.ConditionFalse), "Ready is True although %s is False", c.Type)
		}
	}
	if ready.Status == metav1.ConditionTrue {
		w.Expect(lm.Spec.ProviderID).NotTo(BeEmpty())
		w.Expect(ptr.Deref(lm.Status.Initialization.Provisioned, false)).To(BeTrue())
	}
	if slices.Contains(lm.Finalizers, infrav1.MachineFinalizer) {
		return
	}
	w.t.Errorf("LibvirtMachine %q has conditions but no finalizer", lm.Name)
}

// leftovers are what the machine has on the host: domains and volumes, the base image left out.
func leftovers(h *fakevirt.Host) []string {
	var names []string
	for _, d := range h.Domains() {
		names = append(names, "domain "+d.Name)
	}
	for _, v := range h.Volumes(pool) {
		if v.Name != baseImg {
			names = append(names, "volume "+v.Name)
		}
	}
	return names
}

func (w *world) annotate(name, key, value string) {
	w.t.Helper()
	lm := w.get(name)
	if lm.Annotations == nil {
		lm.Annotations = map[string]string{}
	}
	lm.Annotations[key] = value
	w.Expect(environment.Client.Update(w.ctx, lm)).To(Succeed())
}

func (w *world) removeFinalizers(name string) error {
	w.t.Helper()
	lm := w.get(name)
	lm.Finalizers = nil
	return environment.Client.Update(w.ctx, lm)
}
