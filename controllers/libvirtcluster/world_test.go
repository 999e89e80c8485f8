// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/controllers/libvirtcluster"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer/rollout"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
	"github.com/altcos/cluster-api-provider-altcos/test/envtest"
	"github.com/altcos/cluster-api-provider-altcos/test/fixture"
)

var environment *envtest.Environment

func TestMain(m *testing.M) { os.Exit(envtest.Main(m, &environment)) }

// world is a Cluster with a LibvirtCluster, and hosts that only its namespace may use.
type world struct {
	*fixture.Fixture[*infrav1.LibvirtCluster, *libvirtcluster.Reconciler]
	balancer *balancer
}

func newWorld(t *testing.T, modifiers ...func(*infrav1.LibvirtCluster)) *world {
	t.Helper()
	b := &balancer{Cloud: fakevirt.NewCloud(), down: map[string]bool{}, broken: map[string]error{}}
	w := &world{fixture.New[*infrav1.LibvirtCluster](t, environment, &libvirtcluster.Reconciler{
		Client: environment.Client, Balancer: b, RouterIDs: libvirtcluster.NewRouterIDs(),
	}), b}
	w.Reconciler.Recorder = w.Recorder
	w.Reconciler.Hosts = inventory.Access{Client: environment.Client, Namespace: w.Namespace, Connector: b}
	w.Create(builder.Credentials(w.Namespace, "key"))
	w.addCluster("demo", modifiers...)
	return w
}

func (w *world) addCluster(name string, modifiers ...func(*infrav1.LibvirtCluster)) {
	w.T.Helper()
	cluster := builder.Cluster(w.Meta(name))
	w.Create(cluster)
	lc := builder.LibvirtCluster(w.Meta(name), modifiers...)
	w.Expect(controllerutil.SetOwnerReference(cluster, lc, environment.Scheme)).To(Succeed())
	w.Create(lc)
}

// run starts the controller in a manager.
func (w *world) run() {
	environment.RunManager(w.T, environment.ManagerOptions(), func(ctx context.Context, mgr ctrl.Manager) error {
		w.Reconciler.Client = mgr.GetClient()
		return w.Reconciler.SetupWithManager(ctx, mgr, controller.Options{})
	})
}

// carriesEndpoints makes a host ready for machines and for endpoints.
func carriesEndpoints(h *infrav1.LibvirtHost) {
	builder.HostReady(metav1.ConditionTrue)(h)
	builder.WithCondition[*infrav1.LibvirtHost](infrav1.LibvirtHostLoadBalancerReadyCondition, metav1.ConditionTrue)(h)
}

// addHost makes a host that can carry endpoints, at 10.150.0.<number>, unless modifiers change it.
func (w *world) addHost(name, number string, modifiers ...func(*infrav1.LibvirtHost)) {
	w.T.Helper()
	bridge := func(h *infrav1.LibvirtHost) { h.Status.BridgeAddresses = []string{"10.150.0." + number + "/24"} }
	w.Create(builder.LibvirtHost(w.Global(name),
		append([]func(*infrav1.LibvirtHost){builder.WithSSH, builder.OnlyFor(w.Namespace), bridge, carriesEndpoints}, modifiers...)...))
}

// withHosts adds hosts that can carry endpoints.
func (w *world) withHosts(names ...string) *world {
	w.T.Helper()
	for i, name := range names {
		w.addHost(name, fmt.Sprint(3+i))
	}
	return w
}

// addMachine makes a machine with an address; its finalizer keeps it from going before the test wants it to.
func (w *world) addMachine(name, address string, modifiers ...func(*infrav1.LibvirtMachine)) *infrav1.LibvirtMachine {
	w.T.Helper()
	lm := builder.LibvirtMachine(w.Meta(name), modifiers...)
	lm.Finalizers = []string{infrav1.MachineFinalizer}
	lm.Status.Addresses = []clusterv1.MachineAddress{{Type: clusterv1.MachineInternalIP, Address: address}}
	w.Create(lm)
	return lm
}

// end lets a machine that is being deleted go.
func (w *world) end(name string) {
	w.T.Helper()
	fixture.Change(w, name, func(lm *infrav1.LibvirtMachine) { lm.Finalizers = nil })
}

// announced is the last event with the reason.
func (w *world) announced(reason string) (last string) {
	for _, event := range w.Told() {
		if strings.Contains(event, " "+reason+" ") {
			last = event
		}
	}
	return last
}

// balancer stands for the hosts: it gives shells, carries endpoints, and remembers what it was asked.
type balancer struct {
	*fakevirt.Cloud
	mutex    sync.Mutex
	down     map[string]bool
	broken   map[string]error // hosts that answer and do not take changes
	err      error
	failing  func(attempt int) error
	wanted   loadbalancer.Cluster
	hosts    []rollout.Host
	ensured  int
	released []string
	owners   []string
}

func (b *balancer) set(change func(*balancer)) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	change(b)
}

func (b *balancer) Shell(_ context.Context, target virt.Target) (virt.Shell, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.down[target.Name] {
		return nil, virt.ErrUnreachable
	}
	return alive{}, nil
}

type alive struct{}

func (alive) Run(context.Context, virt.Script) ([]byte, error) { return nil, nil }

// count is how often hosts were asked.
func (b *balancer) count() int {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.ensured
}

// Ensure lets the first host that answers hold the address, with every backend up.
func (b *balancer) Ensure(ctx context.Context, cluster loadbalancer.Cluster, hosts []rollout.Host) (rollout.Report, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.ensured, b.wanted, b.hosts = b.ensured+1, cluster, hosts
	if b.failing != nil {
		b.err = b.failing(b.ensured)
	}
	var report rollout.Report
	if errors.Is(b.err, rollout.ErrAddressInUse) { // is found by asking the hosts
		for _, host := range hosts {
			report.Hosts = append(report.Hosts, rollout.HostReport{Name: host.Name, Observed: true})
		}
	}
	if b.err != nil {
		return report, b.err
	}
	var failed error
	for _, host := range hosts {
		one := rollout.HostReport{Name: host.Name}
		_, one.Err = host.Shell.Run(ctx, virt.Script{})
		if one.Observed = one.Err == nil; one.Observed {
			if !errors.Is(failed, rollout.ErrRejected) { // which stops the rest
				one.Err = b.broken[host.Name]
				one.Applied = one.Err == nil
			}
			if report.Holder == "" && !errors.Is(errors.Join(failed, one.Err), rollout.ErrRejected) {
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

func (b *balancer) Release(_ context.Context, cluster loadbalancer.Cluster, hosts []rollout.Host) error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for _, host := range hosts {
		b.released, b.owners = append(b.released, host.Name), append(b.owners, cluster.Owner)
	}
	return nil
}
