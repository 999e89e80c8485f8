// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package controllers_test has what holds for the controllers of all kinds.
package controllers_test

import (
	"context"
	"errors"
	"os"
	"reflect"
	"testing"

	. "github.com/onsi/gomega"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	kubeadmv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/controllers/altcosbootstrapconfig"
	"github.com/altcos/cluster-api-provider-altcos/controllers/libvirtcluster"
	"github.com/altcos/cluster-api-provider-altcos/controllers/libvirthost"
	"github.com/altcos/cluster-api-provider-altcos/controllers/libvirtmachine"
	"github.com/altcos/cluster-api-provider-altcos/internal/async"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/placement"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
	"github.com/altcos/cluster-api-provider-altcos/test/envtest"
	"github.com/altcos/cluster-api-provider-altcos/test/fixture"
)

var environment *envtest.Environment

func TestMain(m *testing.M) { os.Exit(envtest.Main(m, &environment)) }

var errBroken, errPatch = errors.New("server is broken"), errors.New("status is not stored")

// subject is an object "x" that its Reconciler is about to look at for the first time.
type subject struct {
	reconcile func() (ctrl.Result, error)
	told      func() []string
	use       func(client.Client)
	// wait makes the phases wait for something that comes by itself, block for a person.
	wait, block func()
	// fail is an API server at which a phase fails.
	fail interceptor.Funcs
}

// newSubject takes from a fixture what all kinds have, after the finalizer and Paused have been written.
func newSubject[K client.Object, R reconcile.Reconciler](f *fixture.Fixture[K, R], ownWrites int, use func(R, client.Client)) *subject {
	f.T.Helper()
	for range ownWrites {
		_, err := f.Reconcile("x")
		f.Expect(err).NotTo(HaveOccurred())
	}
	return &subject{
		reconcile: func() (ctrl.Result, error) { return f.Reconcile("x") },
		told:      f.Told,
		use:       func(c client.Client) { use(f.Reconciler, c) },
	}
}

// failOn is an API server that does not list, or does not create, objects like one.
func failOn(like any) interceptor.Funcs {
	return interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if reflect.TypeOf(list) == reflect.TypeOf(like) {
				return errBroken
			}
			return c.List(ctx, list, options...)
		},
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
			if reflect.TypeOf(o) == reflect.TypeOf(like) {
				return errBroken
			}
			return c.Create(ctx, o, options...)
		},
	}
}

func newConfig(t *testing.T) *subject {
	f := fixture.New[*bootstrapv1.AltcosBootstrapConfig](t, environment, &altcosbootstrapconfig.Reconciler{Client: environment.Client})
	f.Reconciler.Recorder = f.Recorder
	machine, config := builder.Machine(f.Meta("x"), builder.AwaitingData), builder.AltcosBootstrapConfig(f.Meta("x"))
	f.Create(builder.Cluster(f.Meta("demo"), builder.Provisioned), machine)
	f.Expect(controllerutil.SetOwnerReference(machine, config, environment.Scheme)).To(Succeed())
	f.Create(config)
	s := newSubject(f, 1, func(r *altcosbootstrapconfig.Reconciler, c client.Client) { r.Client = c })
	s.wait = func() { fixture.Change(f, "demo", builder.Unprovisioned) }
	s.block = func() { f.Create(&kubeadmv1.KubeadmConfig{ObjectMeta: f.Meta("x-kubeadm")}) }
	s.fail = failOn(&kubeadmv1.KubeadmConfig{})
	return s
}

func newCluster(t *testing.T) *subject {
	f := fixture.New[*infrav1.LibvirtCluster](t, environment, &libvirtcluster.Reconciler{Client: environment.Client, RouterIDs: libvirtcluster.NewRouterIDs()})
	f.Reconciler.Recorder = f.Recorder
	cluster, lc := builder.Cluster(f.Meta("x")), builder.LibvirtCluster(f.Meta("x"))
	f.Create(cluster)
	f.Expect(controllerutil.SetOwnerReference(cluster, lc, environment.Scheme)).To(Succeed())
	f.Create(lc)
	s := newSubject(f, 2, func(r *libvirtcluster.Reconciler, c client.Client) { r.Client = c })
	s.wait = func() { f.Create(builder.LibvirtHost(f.Global("a"), builder.OnlyFor(f.Namespace))) }
	s.block = func() {} // there are no hosts
	s.fail = failOn(&infrav1.LibvirtHostList{})
	return s
}

func newHost(t *testing.T) *subject {
	f, cloud := fixture.New[*infrav1.LibvirtHost](t, environment, &libvirthost.Reconciler{Client: environment.Client}), fakevirt.NewCloud()
	f.Reconciler.Recorder, f.Reconciler.Installs = f.Recorder, async.New(async.Options{})
	f.Reconciler.Hosts = inventory.Access{Client: environment.Client, Namespace: f.Namespace, Connector: cloud}
	f.Create(builder.LibvirtHost(f.Global("x")))
	host := cloud.AddHost(f.Global("x"))
	s := newSubject(f, 2, func(r *libvirthost.Reconciler, c client.Client) { r.Client = c })
	s.wait = func() { // it is deleted and carries an endpoint
		f.Create(builder.LibvirtCluster(f.Meta("demo"), func(lc *infrav1.LibvirtCluster) {
			lc.Status.LoadBalancer.Hosts = []infrav1.LoadBalancerHostStatus{{Name: f.Global("x"), State: infrav1.LoadBalancerHostServing}}
		}))
		f.Delete("x")
	}
	s.block = func() { host.SetUnreachable(true) }
	s.fail = failOn(&infrav1.LibvirtClusterList{})
	return s
}

func newMachine(t *testing.T) *subject {
	f := fixture.New[*infrav1.LibvirtMachine](t, environment, &libvirtmachine.Reconciler{
		Client: environment.Client, Ledger: placement.NewLedger(), Tasks: async.New(async.Options{}),
	})
	f.Reconciler.Recorder, f.Reconciler.Clock = f.Recorder, f.Clock
	machine, lm := builder.Machine(f.Meta("x")), builder.LibvirtMachine(f.Meta("x"))
	f.Create(builder.Cluster(f.Meta("demo"), builder.Provisioned), builder.LibvirtCluster(f.Meta("demo")), machine, builder.Secret(f.Meta("x")))
	f.Expect(controllerutil.SetControllerReference(machine, lm, environment.Scheme)).To(Succeed())
	f.Create(lm)
	s := newSubject(f, 2, func(r *libvirtmachine.Reconciler, c client.Client) { r.Client = c })
	s.wait = func() { fixture.Change(f, "demo", builder.Unprovisioned) }
	s.block = func() {} // there are no hosts
	s.fail = failOn(&infrav1.LibvirtHostList{})
	return s
}

var kinds = map[string]func(*testing.T) *subject{
	"AltcosBootstrapConfig": newConfig, "LibvirtCluster": newCluster, "LibvirtHost": newHost, "LibvirtMachine": newMachine,
}

// each runs a test for each outcome of each kind.
func each(t *testing.T, test func(g *WithT, s *subject, result string)) {
	for kind, prepare := range kinds {
		for _, result := range []string{"wait", "blocked", "failure"} {
			t.Run(kind+", "+result, func(t *testing.T) {
				s := prepare(t)
				switch result {
				case "wait":
					s.wait()
				case "blocked":
					s.block()
				}
				if result != "failure" {
					s.fail = interceptor.Funcs{}
				}
				test(NewWithT(t), s, result)
			})
		}
	}
}

func TestReconcile_aStatusThatIsNotStoredIsAFailureAndNothingElse(t *testing.T) {
	each(t, func(g *WithT, s *subject, result string) {
		stored := s.fail
		s.fail.SubResourcePatch = func(context.Context, client.Client, string, client.Object, client.Patch, ...client.SubResourcePatchOption) error {
			return errPatch
		}
		s.use(interceptor.NewClient(fixture.Indexed(environment.Client), s.fail))
		res, err := s.reconcile()
		g.Expect(err).To(MatchError(errPatch))
		g.Expect(errors.Is(err, errBroken)).To(Equal(result == "failure"), "%v", err)
		g.Expect(errors.Is(err, reconcile.TerminalError(nil))).To(BeFalse(), "it is tried again")
		_, waits := errors.AsType[*outcome.Wait](err)
		_, blocked := errors.AsType[*outcome.Blocked](err)
		g.Expect(waits || blocked).To(BeFalse(), "%v", err)
		g.Expect(res).To(BeZero())
		g.Expect(s.told()).To(BeEmpty(), "nobody could see why")

		s.use(interceptor.NewClient(fixture.Indexed(environment.Client), stored))
		_, _ = s.reconcile()
		g.Expect(s.told()).NotTo(BeEmpty(), "it is told once it is stored")
	})
}

func TestEvents_warnUnlessItPassesByItself(t *testing.T) {
	each(t, func(g *WithT, s *subject, result string) {
		s.use(interceptor.NewClient(fixture.Indexed(environment.Client), s.fail))
		_, err := s.reconcile()
		want := map[string]string{"wait": "Normal ", "blocked": "Warning ", "failure": "Warning "}[result]
		g.Expect(s.told()).To(ConsistOf(HavePrefix(want)))
		g.Expect(errors.Is(err, errBroken)).To(Equal(result == "failure"), "%v", err)
		g.Expect(err == nil).To(Equal(result != "failure"), "%v", err)

		_, _ = s.reconcile()
		g.Expect(s.told()).To(BeEmpty(), "once")
	})
}
