// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachinetemplate_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/controllers/libvirtmachinetemplate"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
	"github.com/altcos/cluster-api-provider-altcos/test/envtest"
	"github.com/altcos/cluster-api-provider-altcos/test/fixture"
)

var environment *envtest.Environment

func TestMain(m *testing.M) { os.Exit(envtest.Main(m, &environment)) }

type world struct {
	*fixture.Fixture[*infrav1.LibvirtMachineTemplate, *libvirtmachinetemplate.Reconciler]
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{fixture.New[*infrav1.LibvirtMachineTemplate](t, environment, &libvirtmachinetemplate.Reconciler{Client: environment.Client})}
}

// add makes a template of no cluster.
func (w *world) add(name string, modifiers ...func(*infrav1.LibvirtMachineTemplate)) {
	w.T.Helper()
	w.Create(builder.LibvirtMachineTemplate(metav1.ObjectMeta{Namespace: w.Namespace, Name: name}, modifiers...))
}

func of(cluster string) func(*infrav1.LibvirtMachineTemplate) {
	return builder.Labelled[*infrav1.LibvirtMachineTemplate](clusterv1.ClusterNameLabel, cluster)
}

func mine(template *infrav1.LibvirtMachineTemplate) {
	builder.Labelled[*infrav1.LibvirtMachineTemplate](clusterv1.WatchLabel, "mine")(template)
}

// reconciled is the template after one look at it.
func (w *world) reconciled(name string) *infrav1.LibvirtMachineTemplate {
	w.T.Helper()
	result, err := w.Reconcile(name)
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(result).To(BeZero())
	return w.Get(name)
}

func TestReconcile_tellsWhatAMachineWillOffer(t *testing.T) {
	w := newWorld(t)
	w.add("plain")
	w.add("sized", func(template *infrav1.LibvirtMachineTemplate) {
		template.Spec.Template.Spec.RootDisk.Size = new(resource.MustParse("20Gi"))
	})
	for name, want := range map[string]map[corev1.ResourceName]string{
		"plain": {corev1.ResourceCPU: "2", corev1.ResourceMemory: "2Gi"}, // nobody has read how large the image is
		"sized": {corev1.ResourceCPU: "2", corev1.ResourceMemory: "2Gi", corev1.ResourceEphemeralStorage: "20Gi"},
	} {
		status := w.reconciled(name).Status
		got := map[corev1.ResourceName]string{}
		for kind, quantity := range status.Capacity {
			got[kind] = quantity.String()
		}
		w.Expect(got).To(Equal(want), name)
		w.Expect(status.NodeInfo).To(Equal(infrav1.NodeInfo{Architecture: "amd64", OperatingSystem: "linux"}))
	}
	before := w.Get("plain").ResourceVersion
	w.Expect(w.reconciled("plain").ResourceVersion).To(Equal(before), "nothing is written when nothing changes")
	w.Reconciled("gone")
}

func paused(c *clusterv1.Cluster) { c.Spec.Paused = new(true) }

func unpaused(c *clusterv1.Cluster) { c.Spec.Paused = nil }

func TestReconcile_leavesAloneWhatIsPaused(t *testing.T) {
	w := newWorld(t)
	w.Create(builder.Cluster(w.Meta("demo"), paused))
	w.add("itself", builder.Paused)
	w.add("cluster", of("demo"))
	w.add("early", of("to-come"))
	w.Expect(w.reconciled("itself").Status).To(BeZero())
	w.Expect(w.reconciled("cluster").Status).To(BeZero())
	w.Expect(w.reconciled("early").Status.Capacity).NotTo(BeEmpty(), "a template may be there before its cluster")

	fixture.Change(w, "demo", unpaused)
	w.Expect(w.reconciled("cluster").Status.Capacity).NotTo(BeEmpty())
}

func TestManager_reconcilesWhatTheFilterSelects(t *testing.T) {
	w := newWorld(t)
	w.Create(builder.Cluster(w.Meta("demo"), paused))
	w.add("others", of("demo"))
	w.add("waiting", mine, of("demo"))
	w.add("paused", mine, builder.Paused)
	w.add("selected", mine)
	var mutex sync.Mutex
	var seen []string
	options := environment.ManagerOptions()
	options.NewClient = func(config *rest.Config, options client.Options) (client.Client, error) {
		c, err := client.NewWithWatch(config, options)
		return interceptor.NewClient(c, interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
				mutex.Lock()
				defer mutex.Unlock()
				seen = append(seen, key.Name)
				return c.Get(ctx, key, o, options...)
			},
		}), err
	}
	environment.RunManager(t, options, func(ctx context.Context, mgr ctrl.Manager) error {
		w.Reconciler.Client, w.Reconciler.WatchFilter = mgr.GetClient(), "mine"
		return w.Reconciler.SetupWithManager(ctx, mgr, controller.Options{MaxConcurrentReconciles: 1})
	})
	const patience, poll = time.Minute, 50 * time.Millisecond
	capacity := func(name string) func() corev1.ResourceList {
		return func() corev1.ResourceList { return w.Get(name).Status.Capacity }
	}
	w.Eventually(capacity("selected"), patience, poll).NotTo(BeEmpty())
	w.add("late", mine)
	w.Eventually(capacity("late"), patience, poll).NotTo(BeEmpty())

	w.Expect(w.Get("waiting").Status).To(BeZero())
	fixture.Change(w, "demo", unpaused)
	w.Eventually(capacity("waiting"), patience, poll).NotTo(BeEmpty())
	w.Expect(w.Get("others").Status).To(BeZero(), "the cluster leads to it, the filter does not")
	mutex.Lock() // whatever was queued before "late" has had its turn
	defer mutex.Unlock()
	w.Expect(seen).To(And(ContainElement("selected"), Not(ContainElement("paused"))))
}

func TestReconcile_returnsWhyAStatusIsNotStored(t *testing.T) {
	w, errPatch := newWorld(t), errors.New("status is not stored")
	w.add("plain")
	w.Reconciler.Client = interceptor.NewClient(environment.Client, interceptor.Funcs{
		SubResourcePatch: func(context.Context, client.Client, string, client.Object, client.Patch, ...client.SubResourcePatchOption) error {
			return errPatch
		},
	})
	_, err := w.Reconcile("plain")
	w.Expect(err).To(MatchError(errPatch))
}
