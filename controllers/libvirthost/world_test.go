// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirthost_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/controllers/libvirthost"
	"github.com/altcos/cluster-api-provider-altcos/internal/async"
	"github.com/altcos/cluster-api-provider-altcos/internal/imagecache"
	"github.com/altcos/cluster-api-provider-altcos/internal/index"
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

const (
	retention = time.Hour
	secretKey = "s3cr3t-key"
)

// world is the LibvirtHost "a" with its hypervisor and its shell.
type world struct {
	*fixture.Fixture[*infrav1.LibvirtHost, *libvirthost.Reconciler]
	cloud  *fakevirt.Cloud
	fake   *fakevirt.Host
	shell  *shell
	images *collector
}

// newWorld makes a host that matches its spec, changed by modifiers before it is created.
func newWorld(t *testing.T, modifiers ...func(*infrav1.LibvirtHost)) *world {
	t.Helper()
	w := &world{cloud: fakevirt.NewCloud(), shell: &shell{bridge: true}, images: &collector{}}
	w.Fixture = fixture.New[*infrav1.LibvirtHost](t, environment, &libvirthost.Reconciler{
		Client: fixture.Indexed(environment.Client), Images: w.images, ImageRetention: retention, Balancer: w.shell, Installs: async.New(async.Options{}),
	})
	w.Reconciler.Recorder = w.Recorder
	w.Reconciler.Hosts = inventory.Access{Client: environment.Client, Namespace: w.Namespace, Connector: w.cloud}
	w.fake = w.cloud.AddHost(w.Global("a"))
	w.fake.SetShell(w.shell)
	installs, ended := w.Reconciler.Installs, make(chan struct{})
	go func() {
		defer close(ended)
		_ = installs.Start(w.Ctx)
	}()
	t.Cleanup(func() { <-ended })
	w.Create(w.credentials(), builder.LibvirtHost(w.Global("a"), append([]func(*infrav1.LibvirtHost){builder.WithSSH}, modifiers...)...))
	return w
}

func (w *world) credentials() *corev1.Secret { return builder.Credentials(w.Namespace, secretKey) }

// converge reconciles until nothing changes, and returns the last result.
func (w *world) converge() ctrl.Result {
	w.T.Helper()
	w.Converged("a")
	return w.Result
}

// run starts the controller in a manager.
func (w *world) run() {
	environment.RunManager(w.T, environment.ManagerOptions(), func(ctx context.Context, mgr ctrl.Manager) error {
		if err := index.AddMachine(ctx, mgr.GetFieldIndexer()); err != nil {
			return err
		}
		w.Reconciler.Client = mgr.GetClient()
		return w.Reconciler.SetupWithManager(ctx, mgr, controller.Options{})
	})
}

func (w *world) addMachine(name, sha256 string, modifiers ...func(*infrav1.LibvirtMachine)) *infrav1.LibvirtMachine {
	w.T.Helper()
	machine := builder.LibvirtMachine(w.Meta(name), append([]func(*infrav1.LibvirtMachine){
		builder.OnHost(w.Global("a")), builder.FromURL("https://images.example/altcos.qcow2", sha256),
	}, modifiers...)...)
	w.Create(machine)
	return machine
}

// addCluster makes a LibvirtCluster with an endpoint.
func (w *world) addCluster() {
	w.T.Helper()
	w.Create(builder.LibvirtCluster(w.Meta("demo")))
}

// carry tells what a LibvirtCluster has on the host.
func (w *world) carry(hosts ...infrav1.LoadBalancerHostStatus) {
	w.T.Helper()
	for i := range hosts {
		hosts[i].Name = w.Global("a")
	}
	fixture.Change(w, "demo", func(lc *infrav1.LibvirtCluster) { lc.Status.LoadBalancer.Hosts = hosts })
}

// shell is what a host's shell finds.
type shell struct {
	mutex            sync.Mutex
	err              error
	bridge, filtered bool
	missing          []string
	ran              []string
	addresses        []string
	holdInstall      chan struct{}
	released         []string
}

// Release takes the load balancer of a cluster off the host.
func (s *shell) Release(_ context.Context, cluster loadbalancer.Cluster, _ []rollout.Host) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.released = append(s.released, cluster.Owner)
	return nil
}

// set changes the host.
func (s *shell) set(change func(*shell)) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	change(s)
}

// scripts are what ran besides checks.
func (s *shell) scripts() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.ran)
}

// Run implements virt.Shell. It knows the scripts by their variables.
func (s *shell) Run(_ context.Context, script virt.Script) ([]byte, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	has := func(variable string) bool { _, ok := script.Variables[variable]; return ok }
	switch {
	case s.err != nil:
		return nil, s.err
	case has("programs"):
		return s.check(), nil
	case has("content"):
		s.ran, s.filtered = append(s.ran, "set kernel parameters"), false
	case has("file"):
		s.ran = append(s.ran, "forget kernel parameters")
	default:
		if s.holdInstall != nil {
			s.mutex.Unlock()
			<-s.holdInstall
			s.mutex.Lock()
		}
		s.ran, s.missing = append(s.ran, "install packages"), nil
	}
	return nil, nil
}

func (s *shell) check() []byte {
	lines := []string{"installer"}
	for _, name := range s.missing {
		lines = append(lines, "package "+name)
	}
	if s.bridge {
		lines = append(lines, "bridge", "up", "address 10.150.0.3/24")
		for _, address := range s.addresses {
			lines = append(lines, "address "+address)
		}
	}
	if s.filtered {
		lines = append(lines, "filter net.bridge.bridge-nf-call-iptables 1")
	}
	return []byte(strings.Join(append(lines, "end", ""), "\n"))
}

// collector remembers what it was asked and removes one image each time there is one.
type collector struct {
	mutex  sync.Mutex
	asked  []imagecache.Collection
	unused []string
	err    error
}

func (c *collector) Collect(_ context.Context, _ virt.Volumes, o imagecache.Collection) ([]string, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.asked = append(c.asked, o)
	removed := c.unused
	c.unused = nil
	return removed, c.err
}

// pools are those that it was asked to look at.
func (c *collector) pools() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var all []string
	for _, asked := range c.asked {
		if !slices.Contains(all, asked.Pool) {
			all = append(all, asked.Pool)
		}
	}
	return all
}

func (c *collector) last() imagecache.Collection {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.asked[len(c.asked)-1]
}
