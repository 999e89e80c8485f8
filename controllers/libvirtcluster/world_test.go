// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/controllers/libvirtcluster"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/test/envtest"
)

var environment *envtest.Environment

func TestMain(m *testing.M) { os.Exit(envtest.Main(m, &environment)) }

// world is a Cluster with a LibvirtCluster, hosts that only its namespace may use, and a Reconciler called by hand.
type world struct {
	*WithT
	t          *testing.T
	ctx        context.Context
	namespace  string
	balancer   *balancer
	reconciler *libvirtcluster.Reconciler
	events     *events.FakeRecorder
}

func newWorld(t *testing.T, opts ...func(*infrav1.LibvirtCluster)) *world {
	t.Helper()
	w := &world{
		WithT: NewWithT(t), t: t, ctx: t.Context(), namespace: environment.Namespace(t), events: events.NewFakeRecorder(100),
		balancer: &balancer{down: map[string]bool{}, broken: map[string]error{}},
	}
	w.reconciler = &libvirtcluster.Reconciler{
		Client: environment.Client, Shells: w.balancer, Balancer: w.balancer, RouterIDs: libvirtcluster.NewRouterIDs(),
		Recorder: w.events, CredentialsNamespace: w.namespace,
	}
	w.create(&corev1.Secret{ObjectMeta: w.meta("credentials"), Data: map[string][]byte{"ssh-privatekey": []byte("k"), "known_hosts": []byte("h")}})
	w.addCluster("demo", opts...)
	return w
}

func (w *world) addCluster(name string, opts ...func(*infrav1.LibvirtCluster)) {
	w.t.Helper()
	cluster := &clusterv1.Cluster{ObjectMeta: w.meta(name), Spec: clusterv1.ClusterSpec{
		InfrastructureRef: clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupVersion.Group, Kind: "LibvirtCluster", Name: name},
	}}
	w.create(cluster)
	lc := &infrav1.LibvirtCluster{ObjectMeta: w.meta(name), Spec: infrav1.LibvirtClusterSpec{
		ControlPlaneEndpoint: infrav1.APIEndpoint{Host: "10.150.0.160"},
	}}
	for _, opt := range opts {
		opt(lc)
	}
	w.Expect(controllerutil.SetOwnerReference(cluster, lc, environment.Scheme)).To(Succeed())
	w.create(lc)
}

func (w *world) create(o client.Object) {
	w.t.Helper()
	w.Expect(environment.Client.Create(w.ctx, o)).To(Succeed())
}

func (w *world) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: w.namespace, Name: name, Labels: map[string]string{clusterv1.ClusterNameLabel: "demo"}}
}

func (w *world) hostName(name string) string { return w.namespace + "-" + name }

// addHost makes a host that can carry endpoints, at 10.150.0.<number>, unless opts change it.
func (w *world) addHost(name, number string, opts ...func(*infrav1.LibvirtHost)) {
	w.t.Helper()
	host := &infrav1.LibvirtHost{ObjectMeta: metav1.ObjectMeta{Name: w.hostName(name)}, Spec: infrav1.LibvirtHostSpec{
		URI: "qemu+ssh://root@node/system", CredentialsRef: infrav1.SecretReference{Name: "credentials"},
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: w.namespace}},
	}}
	host.Status.BridgeAddresses = []string{"10.150.0." + number + "/24"}
	for _, condition := range []string{infrav1.ReadyCondition, infrav1.LibvirtHostLoadBalancerReadyCondition} {
		conditions.Set(host, metav1.Condition{Type: condition, Status: metav1.ConditionTrue, Reason: "Test"})
	}
	for _, opt := range opts {
		opt(host)
	}
	status := host.Status.DeepCopy()
	environment.Create(w.t, host)
	host.Status = *status
	w.Expect(environment.Client.Status().Update(w.ctx, host)).To(Succeed())
}

// addMachine makes a machine with an address; a control plane keeps it from going before the test wants it to.
func (w *world) addMachine(name, address string, controlPlane bool) *infrav1.LibvirtMachine {
	w.t.Helper()
	lm := &infrav1.LibvirtMachine{ObjectMeta: w.meta(name), Spec: infrav1.LibvirtMachineSpec{
		VCPUs: 2, Memory: resource.MustParse("2Gi"), Image: infrav1.Image{Volume: "altcos.qcow2"},
	}}
	lm.Finalizers = []string{infrav1.MachineFinalizer}
	if controlPlane {
		lm.Labels[clusterv1.MachineControlPlaneLabel] = ""
	}
	w.create(lm)
	lm.Status.Addresses = []clusterv1.MachineAddress{{Type: clusterv1.MachineInternalIP, Address: address}}
	w.Expect(environment.Client.Status().Update(w.ctx, lm)).To(Succeed())
	return lm
}

// end lets a machine that is being deleted go.
func (w *world) end(name string) {
	w.t.Helper()
	lm := &infrav1.LibvirtMachine{}
	w.Expect(environment.Client.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, lm)).To(Succeed())
	lm.Finalizers = nil
	w.Expect(environment.Client.Update(w.ctx, lm)).To(Succeed())
}

func (w *world) get(name string) *infrav1.LibvirtCluster {
	w.t.Helper()
	lc := &infrav1.LibvirtCluster{}
	w.Expect(environment.Client.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, lc)).To(Succeed())
	return lc
}

func (w *world) exists(name string) bool {
	return environment.Client.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, &infrav1.LibvirtCluster{}) == nil
}

// settle reconciles until finalizer, Paused, identity and one look at the hosts are done.
func (w *world) settle(name string) error {
	w.t.Helper()
	var last error
	for range 5 {
		_, last = w.reconciler.Reconcile(w.ctx, ctrl.Request{NamespacedName: client.ObjectKey{Namespace: w.namespace, Name: name}})
	}
	return last
}

// announced is the last event with the reason.
func (w *world) announced(reason string) string {
	last := ""
	for {
		select {
		case event := <-w.events.Events:
			if strings.Contains(event, " "+reason+" ") {
				last = event
			}
		default:
			return last
		}
	}
}

// balancer stands for the hosts: it gives shells, carries endpoints, and remembers what it was asked.
type balancer struct {
	mutex    sync.Mutex
	down     map[string]bool
	broken   map[string]error // hosts that answer and do not take changes
	err      error
	failing  func(attempt int) error
	wanted   loadbalancer.Cluster
	hosts    []loadbalancer.Host
	ensured  int
	released []string
	owners   []string
}

func (b *balancer) set(change func(*balancer)) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	change(b)
}

func (b *balancer) Shell(_ context.Context, target virt.Target) (loadbalancer.Runner, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.down[target.Name] {
		return nil, virt.ErrUnreachable
	}
	return alive{}, nil
}

type alive struct{}

func (alive) RunScript(context.Context, string, []byte) ([]byte, error) { return nil, nil }

// count is how often hosts were asked.
func (b *balancer) count() int {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.ensured
}

// Ensure lets the first host that answers hold the address, with every backend up.
func (b *balancer) Ensure(ctx context.Context, cluster loadbalancer.Cluster, hosts []loadbalancer.Host) (loadbalancer.Report, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.ensured, b.wanted, b.hosts = b.ensured+1, cluster, hosts
	if b.failing != nil {
		b.err = b.failing(b.ensured)
	}
	var report loadbalancer.Report
	if errors.Is(b.err, loadbalancer.ErrAddressInUse) { // is found by asking the hosts
		for _, host := range hosts {
			report.Hosts = append(report.Hosts, loadbalancer.HostReport{Name: host.Name, Observed: true})
		}
	}
	if b.err != nil {
		return report, b.err
	}
	var failed error
	for _, host := range hosts {
		one := loadbalancer.HostReport{Name: host.Name}
		_, one.Err = host.Runner.RunScript(ctx, "", nil)
		if one.Observed = one.Err == nil; one.Observed {
			if !errors.Is(failed, loadbalancer.ErrRejected) { // which stops the rest
				one.Err = b.broken[host.Name]
				one.Applied = one.Err == nil
			}
			if report.Holder == "" && !errors.Is(errors.Join(failed, one.Err), loadbalancer.ErrRejected) {
				report.Holder, one.State.HoldsVIP = host.Name, true
			}
		}
		failed = errors.Join(failed, one.Err)
		for _, backend := range cluster.Backends {
			one.State.Servers = append(one.State.Servers, loadbalancer.Server{Backend: loadbalancer.APIBackend, Name: backend.Name, Status: "UP"})
		}
		report.Hosts = append(report.Hosts, one)
	}
	return report, failed
}

func (b *balancer) Release(_ context.Context, cluster loadbalancer.Cluster, hosts []loadbalancer.Host) error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for _, host := range hosts {
		b.released, b.owners = append(b.released, host.Name), append(b.owners, cluster.Owner)
	}
	return nil
}
