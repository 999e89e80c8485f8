// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcosbootstrapconfig_test

import (
	"context"
	"os"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	kubeadmv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/bootstrap/kubeadm/pkg/cloudinit"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/controllers/altcosbootstrapconfig"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
	"github.com/altcos/cluster-api-provider-altcos/test/envtest"
	"github.com/altcos/cluster-api-provider-altcos/test/fixture"
)

var environment *envtest.Environment

func TestMain(m *testing.M) { os.Exit(envtest.Main(m, &environment)) }

// secret must not be told to anybody.
const secret = "s3cr3t"

// world is a Machine "m" of a cluster whose infrastructure is there, with its AltcosBootstrapConfig.
type world struct {
	*fixture.Fixture[*bootstrapv1.AltcosBootstrapConfig, *altcosbootstrapconfig.Reconciler]
}

func newWorld(t *testing.T, modifiers ...func(*bootstrapv1.AltcosBootstrapConfig)) *world {
	t.Helper()
	w := newCluster(t)
	w.addMachine("m", nil, modifiers...)
	return w
}

func newControlPlane(t *testing.T, modifiers ...func(*bootstrapv1.AltcosBootstrapConfig)) *world {
	t.Helper()
	w := newCluster(t)
	w.addMachine("m", builder.ControlPlane, modifiers...)
	return w
}

func newCluster(t *testing.T) *world {
	t.Helper()
	w := &world{fixture.New[*bootstrapv1.AltcosBootstrapConfig](t, environment, &altcosbootstrapconfig.Reconciler{Client: environment.Client})}
	w.Reconciler.Recorder = w.Recorder
	w.Create(builder.Cluster(w.Meta("demo"), builder.Provisioned, func(c *clusterv1.Cluster) {
		c.Spec.ControlPlaneEndpoint = clusterv1.APIEndpoint{Host: builder.Endpoint, Port: 8443}
	}))
	return w
}

func (w *world) addMachine(name string, change func(*clusterv1.Machine), modifiers ...func(*bootstrapv1.AltcosBootstrapConfig)) {
	w.T.Helper()
	machine := builder.Machine(w.Meta(name), builder.AwaitingData)
	if change != nil {
		change(machine)
	}
	w.Create(machine)
	config := builder.AltcosBootstrapConfig(w.Meta(name), modifiers...)
	w.Expect(controllerutil.SetOwnerReference(machine, config, environment.Scheme)).To(Succeed())
	w.Create(config)
}

func (w *world) absent(name string, o client.Object) {
	w.T.Helper()
	err := environment.Client.Get(w.Ctx, w.KeyOf(o, name), o)
	w.Expect(apierrors.IsNotFound(err)).To(BeTrue(), "%T %s: %v", o, name, err)
}

func initialized(c *clusterv1.Cluster) {
	builder.WithCondition[*clusterv1.Cluster](clusterv1.ClusterControlPlaneInitializedCondition, metav1.ConditionTrue)(c)
}

// take does the work of the Machine controller.
func (w *world) take(name string) {
	w.T.Helper()
	fixture.Change(w, "m", func(m *clusterv1.Machine) { m.Spec.Bootstrap.DataSecretName = &name })
}

func (w *world) child() *kubeadmv1.KubeadmConfig {
	w.T.Helper()
	return fixture.Get[*kubeadmv1.KubeadmConfig](w, "m-kubeadm")
}

func (w *world) secret(name string) *corev1.Secret {
	w.T.Helper()
	return fixture.Get[*corev1.Secret](w, name)
}

func (w *world) data() *corev1.Secret {
	w.T.Helper()
	return w.secret("m")
}

// answer does the work of the kubeadm bootstrap provider: the Secret, without telling of it in the child's status.
func (w *world) answer(files ...kubeadmv1.File) {
	w.T.Helper()
	child := w.child()
	files = append(files, kubeadmv1.File{Path: "/etc/made-by", Content: strings.Join(child.Spec.PreKubeadmCommands, "\n")})
	config := cabpk.Render(w.T, cabpk.Worker, cloudinit.BaseUserData{AdditionalFiles: files}, kubeadmv1.NodeRegistrationOptions{Name: "{{ ds.meta_data.local_hostname }}"})
	data := builder.Secret(w.Meta("m-kubeadm"), "format", "cloud-config", "value", string(config))
	data.Type = clusterv1.ClusterSecretType
	data.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: kubeadmv1.GroupVersion.String(), Kind: "KubeadmConfig", Name: child.Name, UID: child.UID, Controller: new(true),
	}}
	w.Create(data)
}

// ExpectFalse also expects a message not to tell the secret.
func (w *world) ExpectFalse(name, condition, reason, message string) {
	w.T.Helper()
	w.Fixture.ExpectFalse(name, condition, reason, message)
	w.Expect(w.Condition(name, condition).Message).NotTo(ContainSubstring(secret))
}

// unseen is a cache that does not hold one object.
func unseen[O client.Object](name string) client.Client {
	return interceptor.NewClient(environment.Client, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
			if _, same := o.(O); same && key.Name == name {
				return apierrors.NewNotFound(corev1.Resource("anything"), name)
			}
			return c.Get(ctx, key, o, options...)
		},
	})
}

// refusing is an API server that takes no KubeadmConfig.
func refusing(err error) client.Client {
	return interceptor.NewClient(environment.Client, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
			if _, child := o.(*kubeadmv1.KubeadmConfig); child {
				return err
			}
			return c.Create(ctx, o, options...)
		},
	})
}
