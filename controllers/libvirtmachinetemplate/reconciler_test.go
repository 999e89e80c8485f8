// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachinetemplate_test

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/controllers/libvirtmachinetemplate"
	"github.com/altcos/cluster-api-provider-altcos/test/envtest"
)

var environment *envtest.Environment

func TestMain(m *testing.M) { os.Exit(envtest.Main(m, &environment)) }

type world struct {
	*WithT
	t         *testing.T
	namespace string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{WithT: NewWithT(t), t: t, namespace: environment.Namespace(t)}
}

// add makes a template, changed by opts.
func (w *world) add(name string, opts ...func(*infrav1.LibvirtMachineTemplate)) {
	w.t.Helper()
	template := &infrav1.LibvirtMachineTemplate{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name, Labels: map[string]string{}}}
	template.Spec.Template.Spec = infrav1.LibvirtMachineSpec{
		VCPUs: 2, Memory: resource.MustParse("3Gi"), Image: infrav1.Image{Volume: "altcos.qcow2"},
	}
	for _, opt := range opts {
		opt(template)
	}
	environment.Create(w.t, template)
}

func (w *world) get(name string) *infrav1.LibvirtMachineTemplate {
	w.t.Helper()
	template := &infrav1.LibvirtMachineTemplate{}
	w.Expect(environment.Client.Get(w.t.Context(), w.key(name), template)).To(Succeed())
	return template
}

func (w *world) key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: w.namespace, Name: name}
}

// reconciled is the template after one look at it.
func (w *world) reconciled(name string) *infrav1.LibvirtMachineTemplate {
	w.t.Helper()
	reconciler := &libvirtmachinetemplate.Reconciler{Client: environment.Client}
	result, err := reconciler.Reconcile(w.t.Context(), ctrl.Request{NamespacedName: w.key(name)})
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(result).To(BeZero())
	return w.get(name)
}

func TestReconcile_tellsWhatAMachineWillOffer(t *testing.T) {
	w := newWorld(t)
	w.add("plain")
	w.add("sized", func(template *infrav1.LibvirtMachineTemplate) {
		template.Spec.Template.Spec.RootDisk.Size = ptr.To(resource.MustParse("20Gi"))
	})
	for name, want := range map[string]map[corev1.ResourceName]string{
		"plain": {corev1.ResourceCPU: "2", corev1.ResourceMemory: "3Gi"}, // nobody has read how large the image is
		"sized": {corev1.ResourceCPU: "2", corev1.ResourceMemory: "3Gi", corev1.ResourceEphemeralStorage: "20Gi"},
	} {
		status := w.reconciled(name).Status
		got := map[corev1.ResourceName]string{}
		for kind, quantity := range status.Capacity {
			got[kind] = quantity.String()
		}
		w.Expect(got).To(Equal(want), name)
		w.Expect(status.NodeInfo).To(Equal(infrav1.NodeInfo{Architecture: "amd64", OperatingSystem: "linux"}))
	}
	before := w.get("plain").ResourceVersion
	w.Expect(w.reconciled("plain").ResourceVersion).To(Equal(before), "nothing is written when nothing changes")
	_, err := (&libvirtmachinetemplate.Reconciler{Client: environment.Client}).Reconcile(t.Context(), ctrl.Request{NamespacedName: w.key("gone")})
	w.Expect(err).NotTo(HaveOccurred())
}

func pausedCluster(namespace string) *clusterv1.Cluster {
	return &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "demo"}, Spec: clusterv1.ClusterSpec{
		Paused:            ptr.To(true),
		InfrastructureRef: clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupVersion.Group, Kind: "LibvirtCluster", Name: "demo"},
	}}
}

func TestReconcile_leavesAloneWhatIsPaused(t *testing.T) {
	w := newWorld(t)
	cluster := pausedCluster(w.namespace)
	environment.Create(t, cluster)
	of := func(cluster string) func(*infrav1.LibvirtMachineTemplate) {
		return func(template *infrav1.LibvirtMachineTemplate) { template.Labels[clusterv1.ClusterNameLabel] = cluster }
	}
	w.add("itself", func(template *infrav1.LibvirtMachineTemplate) {
		template.Annotations = map[string]string{clusterv1.PausedAnnotation: ""}
	})
	w.add("cluster", of("demo"))
	w.add("early", of("to-come"))
	w.Expect(w.reconciled("itself").Status).To(BeZero())
	w.Expect(w.reconciled("cluster").Status).To(BeZero())
	w.Expect(w.reconciled("early").Status.Capacity).NotTo(BeEmpty(), "a template may be there before its cluster")

	cluster.Spec.Paused = nil
	w.Expect(environment.Client.Update(t.Context(), cluster)).To(Succeed())
	w.Expect(w.reconciled("cluster").Status.Capacity).NotTo(BeEmpty())
}

// reads is a client that remembers which templates were asked for.
type reads struct {
	client.Client
	mutex sync.Mutex
	names []string
}

func (r *reads) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.names = append(r.names, key.Name)
	return r.Client.Get(ctx, key, object, options...)
}

func TestManager_reconcilesWhatTheFilterSelects(t *testing.T) {
	w := newWorld(t)
	cluster := pausedCluster(w.namespace)
	environment.Create(t, cluster)
	w.add("others", func(template *infrav1.LibvirtMachineTemplate) {
		template.Labels[clusterv1.ClusterNameLabel] = cluster.Name
	})
	w.add("waiting", func(template *infrav1.LibvirtMachineTemplate) {
		template.Labels = map[string]string{clusterv1.WatchLabel: "mine", clusterv1.ClusterNameLabel: cluster.Name}
	})
	w.add("paused", func(template *infrav1.LibvirtMachineTemplate) {
		template.Labels[clusterv1.WatchLabel] = "mine"
		template.Annotations = map[string]string{clusterv1.PausedAnnotation: ""}
	})
	w.add("selected", func(template *infrav1.LibvirtMachineTemplate) { template.Labels[clusterv1.WatchLabel] = "mine" })
	seen := &reads{}
	environment.RunManager(t, environment.ManagerOptions(), func(ctx context.Context, mgr ctrl.Manager) error {
		seen.Client = mgr.GetClient()
		reconciler := &libvirtmachinetemplate.Reconciler{Client: seen, WatchFilter: "mine"}
		return reconciler.SetupWithManager(ctx, mgr, controller.Options{MaxConcurrentReconciles: 1})
	})
	const patience, poll = time.Minute, 50 * time.Millisecond
	w.Eventually(func() corev1.ResourceList { return w.get("selected").Status.Capacity }, patience, poll).NotTo(BeEmpty())

	w.add("late", func(template *infrav1.LibvirtMachineTemplate) { template.Labels[clusterv1.WatchLabel] = "mine" })
	w.Eventually(func() corev1.ResourceList { return w.get("late").Status.Capacity }, patience, poll).NotTo(BeEmpty())

	w.Expect(w.get("waiting").Status).To(BeZero())
	cluster.Spec.Paused = nil
	w.Expect(environment.Client.Update(t.Context(), cluster)).To(Succeed())
	w.Eventually(func() corev1.ResourceList { return w.get("waiting").Status.Capacity }, patience, poll).NotTo(BeEmpty())
	w.Expect(w.get("others").Status).To(BeZero(), "the cluster leads to it, the filter does not")
	seen.mutex.Lock() // whatever was queued before "late" has had its turn
	defer seen.mutex.Unlock()
	w.Expect(seen.names).To(And(ContainElement("selected"), Not(ContainElement("paused"))))
}
