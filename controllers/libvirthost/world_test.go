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

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/controllers/libvirthost"
	"github.com/altcos/cluster-api-provider-altcos/internal/async"
	"github.com/altcos/cluster-api-provider-altcos/internal/imagecache"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
	"github.com/altcos/cluster-api-provider-altcos/test/envtest"
)

var environment *envtest.Environment

func TestMain(m *testing.M) { os.Exit(envtest.Main(m, &environment)) }

const (
	retention = time.Hour
	secretKey = "s3cr3t-key"
)

// world is one LibvirtHost with its hypervisor, its shell and a Reconciler that a test calls by hand.
type world struct {
	*WithT
	t         *testing.T
	ctx       context.Context
	namespace string
	cloud     *fakevirt.Cloud
	fake      *fakevirt.Host
	shell     *shell
	images    *collector
	events    *events.FakeRecorder

	reconciler *libvirthost.Reconciler
}

// newWorld makes a host that is as it shall be, changed by opts before it is created.
func newWorld(t *testing.T, opts ...func(*infrav1.LibvirtHost)) *world {
	t.Helper()
	w := &world{
		WithT: NewWithT(t), t: t, ctx: t.Context(), namespace: environment.Namespace(t), cloud: fakevirt.NewCloud(),
		shell: &shell{bridge: true}, images: &collector{}, events: events.NewFakeRecorder(100),
	}
	w.fake = w.cloud.AddHost(w.name())
	w.fake.SetShell(w.shell)
	installs, ended := async.New(async.Options{}), make(chan struct{})
	go func() {
		defer close(ended)
		_ = installs.Start(w.ctx)
	}()
	t.Cleanup(func() { <-ended })
	w.reconciler = &libvirthost.Reconciler{
		Client: byHost{environment.Client}, Images: w.images, ImageRetention: retention,
		Balancer: w.shell, Installs: installs,
		Recorder: w.events, Hosts: inventory.Access{Client: environment.Client, Namespace: w.namespace, Connector: w.cloud},
	}
	w.create(w.credentials())
	host := &infrav1.LibvirtHost{ObjectMeta: metav1.ObjectMeta{Name: w.name()}, Spec: infrav1.LibvirtHostSpec{
		URI: "qemu+ssh://root@node3/system", CredentialsRef: infrav1.SecretReference{Name: "credentials"},
	}}
	for _, opt := range opts {
		opt(host)
	}
	w.create(host)
	t.Cleanup(func() { // no controller lives any more that would take the finalizer off
		left := &infrav1.LibvirtHost{}
		ctx := context.WithoutCancel(w.ctx)
		if environment.Client.Get(ctx, w.key(), left) == nil {
			left.Finalizers = nil
			_ = environment.Client.Update(ctx, left)
			_ = environment.Client.Delete(ctx, left)
		}
	})
	return w
}

// name is unique, since hosts have no namespace.
func (w *world) name() string { return "host-" + w.namespace }

func (w *world) key() client.ObjectKey { return client.ObjectKey{Name: w.name()} }

func (w *world) credentials() *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "credentials"}, Data: map[string][]byte{
		"ssh-privatekey": []byte(secretKey), "known_hosts": []byte("node3 ssh-ed25519 AAAA"),
	}}
}

func (w *world) create(o client.Object) {
	w.t.Helper()
	w.Expect(environment.Client.Create(w.ctx, o)).To(Succeed())
}

func (w *world) get() *infrav1.LibvirtHost {
	w.t.Helper()
	host := &infrav1.LibvirtHost{}
	w.Expect(environment.Client.Get(w.ctx, w.key(), host)).To(Succeed())
	return host
}

func (w *world) exists() bool {
	return environment.Client.Get(w.ctx, w.key(), &infrav1.LibvirtHost{}) == nil
}

func (w *world) update(change func(*infrav1.LibvirtHost)) {
	w.t.Helper()
	host := w.get()
	change(host)
	w.Expect(environment.Client.Update(w.ctx, host)).To(Succeed())
}

// settle reconciles until finalizer, Paused and one look at the host are done, and returns the last result.
func (w *world) settle() ctrl.Result {
	w.t.Helper()
	var last ctrl.Result
	for range 3 {
		var err error
		last, err = w.reconciler.Reconcile(w.ctx, ctrl.Request{NamespacedName: w.key()})
		w.Expect(err).NotTo(HaveOccurred())
	}
	return last
}

// told are the events so far.
func (w *world) told() []string {
	var all []string
	for {
		select {
		case e := <-w.events.Events:
			all = append(all, e)
		default:
			return all
		}
	}
}

func (w *world) addMachine(name, sha256 string, opts ...func(*infrav1.LibvirtMachine)) *infrav1.LibvirtMachine {
	w.t.Helper()
	machine := &infrav1.LibvirtMachine{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name}, Spec: infrav1.LibvirtMachineSpec{
		Host: w.name(), VCPUs: 2, Memory: resource.MustParse("2Gi"),
		Image: infrav1.Image{URL: "https://images.example/altcos.qcow2", SHA256: sha256},
	}}
	for _, opt := range opts {
		opt(machine)
	}
	w.create(machine)
	return machine
}

// byHost does the work of the manager's index of machines.
type byHost struct{ client.Client }

func (c byHost) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	machines, ok := list.(*infrav1.LibvirtMachineList)
	if !ok {
		return c.Client.List(ctx, list, options...)
	}
	o := (&client.ListOptions{}).ApplyOptions(options)
	host, _ := o.FieldSelector.RequiresExactMatch("spec.host")
	o.FieldSelector = nil
	err := c.Client.List(ctx, machines, o)
	machines.Items = slices.DeleteFunc(machines.Items, func(m infrav1.LibvirtMachine) bool { return m.Spec.Host != host })
	return err
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
func (s *shell) Release(_ context.Context, cluster loadbalancer.Cluster, _ []loadbalancer.Host) error {
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
