// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcosbootstrapconfig_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	kubeadmv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/bootstrap/kubeadm/pkg/cloudinit"
	"sigs.k8s.io/cluster-api/util/conditions"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/controllers/altcosbootstrapconfig"
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
	"github.com/altcos/cluster-api-provider-altcos/test/envtest"
)

var environment *envtest.Environment

func TestMain(m *testing.M) { os.Exit(envtest.Main(m, &environment)) }

// secret must not be told to anybody.
const secret = "s3cr3t"

// world is a Machine "m" of a cluster whose infrastructure is there, with its AltcosBootstrapConfig.
type world struct {
	*WithT
	t          *testing.T
	ctx        context.Context
	namespace  string
	reconciler *altcosbootstrapconfig.Reconciler
	recorder   *events.FakeRecorder
	logs       *strings.Builder
	result     ctrl.Result
}

func newWorld(t *testing.T, opts ...func(*bootstrapv1.AltcosBootstrapConfig)) *world {
	t.Helper()
	w := newCluster(t)
	w.addMachine("m", nil, opts...)
	return w
}

func newControlPlane(t *testing.T, opts ...func(*bootstrapv1.AltcosBootstrapConfig)) *world {
	t.Helper()
	w := newCluster(t)
	w.addMachine("m", asControlPlane, opts...)
	return w
}

func newCluster(t *testing.T) *world {
	t.Helper()
	w := &world{
		WithT: NewWithT(t), t: t, ctx: t.Context(), namespace: environment.Namespace(t),
		recorder: events.NewFakeRecorder(100), logs: &strings.Builder{},
	}
	w.reconciler = &altcosbootstrapconfig.Reconciler{Client: environment.Client, Recorder: w.recorder}
	cluster := &clusterv1.Cluster{ObjectMeta: w.meta("demo"), Spec: clusterv1.ClusterSpec{
		ControlPlaneEndpoint: clusterv1.APIEndpoint{Host: "10.150.0.160", Port: 8443},
		InfrastructureRef:    clusterv1.ContractVersionedObjectReference{APIGroup: "infrastructure.cluster.x-k8s.io", Kind: "LibvirtCluster", Name: "demo"},
	}}
	w.create(cluster)
	w.changeCluster(func(c *clusterv1.Cluster) { c.Status.Initialization.InfrastructureProvisioned = ptr.To(true) })
	return w
}

func asControlPlane(m *clusterv1.Machine) { m.Labels[clusterv1.MachineControlPlaneLabel] = "" }

func (w *world) addMachine(name string, change func(*clusterv1.Machine), opts ...func(*bootstrapv1.AltcosBootstrapConfig)) {
	w.t.Helper()
	machine := &clusterv1.Machine{ObjectMeta: w.meta(name), Spec: clusterv1.MachineSpec{
		ClusterName: "demo",
		Bootstrap: clusterv1.Bootstrap{ConfigRef: clusterv1.ContractVersionedObjectReference{
			APIGroup: bootstrapv1.GroupVersion.Group, Kind: "AltcosBootstrapConfig", Name: name,
		}},
		InfrastructureRef: clusterv1.ContractVersionedObjectReference{APIGroup: "infrastructure.cluster.x-k8s.io", Kind: "LibvirtMachine", Name: name},
	}}
	if change != nil {
		change(machine)
	}
	w.create(machine)
	config := &bootstrapv1.AltcosBootstrapConfig{ObjectMeta: w.meta(name), Spec: bootstrapv1.AltcosBootstrapConfigSpec{
		Kubeadm: kubeadmv1.KubeadmConfigSpec{PreKubeadmCommands: []string{"true"}},
	}}
	for _, opt := range opts {
		opt(config)
	}
	w.Expect(controllerutil.SetOwnerReference(machine, config, environment.Scheme)).To(Succeed())
	w.create(config)
}

func (w *world) create(o client.Object) {
	w.t.Helper()
	w.Expect(environment.Client.Create(w.ctx, o)).To(Succeed())
}

func (w *world) remove(o client.Object) {
	w.t.Helper()
	w.Expect(environment.Client.Delete(w.ctx, o)).To(Succeed())
}

func (w *world) update(o client.Object) {
	w.t.Helper()
	w.Expect(environment.Client.Update(w.ctx, o)).To(Succeed())
}

func (w *world) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: w.namespace, Name: name, Labels: map[string]string{clusterv1.ClusterNameLabel: "demo"}}
}

func (w *world) read(name string, o client.Object) {
	w.t.Helper()
	w.Expect(environment.Client.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, o)).To(Succeed())
}

func (w *world) absent(name string, o client.Object) {
	w.t.Helper()
	err := environment.Client.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, o)
	w.Expect(apierrors.IsNotFound(err)).To(BeTrue(), "%T %s: %v", o, name, err)
}

func (w *world) changeCluster(change func(*clusterv1.Cluster)) {
	w.t.Helper()
	cluster := &clusterv1.Cluster{}
	w.read("demo", cluster)
	change(cluster)
	w.Expect(environment.Client.Status().Update(w.ctx, cluster)).To(Succeed())
}

func initialized(c *clusterv1.Cluster) {
	conditions.Set(c, metav1.Condition{Type: clusterv1.ClusterControlPlaneInitializedCondition, Status: metav1.ConditionTrue, Reason: "Test"})
}

// take does the work of the Machine controller.
func (w *world) take(name string) {
	w.t.Helper()
	machine := &clusterv1.Machine{}
	w.read("m", machine)
	machine.Spec.Bootstrap.DataSecretName = ptr.To(name)
	w.update(machine)
}

func (w *world) get() *bootstrapv1.AltcosBootstrapConfig {
	w.t.Helper()
	config := &bootstrapv1.AltcosBootstrapConfig{}
	w.read("m", config)
	return config
}

func (w *world) child() *kubeadmv1.KubeadmConfig {
	w.t.Helper()
	child := &kubeadmv1.KubeadmConfig{}
	w.read("m-kubeadm", child)
	return child
}

func (w *world) data() *corev1.Secret {
	w.t.Helper()
	data := &corev1.Secret{}
	w.read("m", data)
	return data
}

// answer does the work of the kubeadm bootstrap provider: the Secret, without telling of it in the child's status.
func (w *world) answer(files ...kubeadmv1.File) {
	w.t.Helper()
	child := w.child()
	files = append(files, kubeadmv1.File{Path: "/etc/made-by", Content: strings.Join(child.Spec.PreKubeadmCommands, "\n")})
	data := &corev1.Secret{ObjectMeta: w.meta("m-kubeadm"), Type: clusterv1.ClusterSecretType, Data: map[string][]byte{
		"format": []byte("cloud-config"),
		"value":  cabpk.Render(w.t, cabpk.Worker, cloudinit.BaseUserData{AdditionalFiles: files}, kubeadmv1.NodeRegistrationOptions{Name: "{{ ds.meta_data.local_hostname }}"}),
	}}
	data.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: kubeadmv1.GroupVersion.String(), Kind: "KubeadmConfig", Name: child.Name, UID: child.UID, Controller: ptr.To(true),
	}}
	w.create(data)
}

func (w *world) settle() error { return w.settleOf("m") }

func (w *world) settleOf(name string) error {
	w.t.Helper()
	// beyond 5 are whole requests, which client-go logs
	log := funcr.New(func(prefix, args string) { fmt.Fprintln(w.logs, prefix, args) }, funcr.Options{Verbosity: 5})
	var last error
	for range 3 {
		w.result, last = w.reconciler.Reconcile(ctrl.LoggerInto(w.ctx, log), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: w.namespace, Name: name}})
	}
	return last
}

// told returns the events since the last call.
func (w *world) told() string {
	var all strings.Builder
	for {
		select {
		case event := <-w.recorder.Events:
			fmt.Fprintln(&all, event)
		default:
			return all.String()
		}
	}
}

// expect looks at a condition and at Ready, which follows it.
func (w *world) expect(condition, reason, message string) {
	w.t.Helper()
	got := conditions.Get(w.get(), condition)
	w.Expect(got).NotTo(BeNil())
	w.Expect(got.Status).To(Equal(metav1.ConditionFalse))
	w.Expect(got.Reason).To(Equal(reason), got.Message)
	w.Expect(got.Message).To(ContainSubstring(message))
	w.Expect(got.Message).NotTo(ContainSubstring(secret))
	w.Expect(conditions.GetReason(w.get(), bootstrapv1.ReadyCondition)).To(Equal(reason))
}

func (w *world) expectReady() {
	w.t.Helper()
	w.Expect(conditions.IsTrue(w.get(), bootstrapv1.ReadyCondition)).To(BeTrue(), "%v", w.get().Status.Conditions)
}

// spoiled answers for the API server where a test wants it to, as a cache that is behind or a server that refuses would.
type spoiled struct {
	client.Client
	get    func(client.ObjectKey, client.Object) error
	create func(client.Object) error
}

func (c spoiled) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if c.get != nil {
		if err := c.get(key, o); err != nil {
			return err
		}
	}
	return c.Client.Get(ctx, key, o, opts...)
}

func (c spoiled) Create(ctx context.Context, o client.Object, opts ...client.CreateOption) error {
	if c.create != nil {
		if err := c.create(o); err != nil {
			return err
		}
	}
	return c.Client.Create(ctx, o, opts...)
}

// unseen is a cache that does not hold one object.
func unseen[T client.Object](name string) spoiled {
	return spoiled{Client: environment.Client, get: func(key client.ObjectKey, o client.Object) error {
		if _, same := o.(T); same && key.Name == name {
			return apierrors.NewNotFound(corev1.Resource("anything"), name)
		}
		return nil
	}}
}

// refusing is an API server that takes no KubeadmConfig.
func refusing(err error) spoiled {
	return spoiled{Client: environment.Client, create: func(o client.Object) error {
		if _, child := o.(*kubeadmv1.KubeadmConfig); child {
			return err
		}
		return nil
	}}
}
