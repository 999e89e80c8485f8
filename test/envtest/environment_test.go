// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package envtest

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

var environment *Environment

func TestMain(m *testing.M) { os.Exit(Main(m, &environment, WithWebhooks())) }

func TestEnvironment_everyDefinitionFulfilsTheContract(t *testing.T) {
	g := NewWithT(t)
	var definitions apiextensionsv1.CustomResourceDefinitionList
	g.Expect(environment.Client.List(t.Context(), &definitions)).To(Succeed())
	g.Expect(len(definitions.Items)).To(BeNumerically(">", 25))
	for _, definition := range definitions.Items {
		g.Expect(definition.Labels).To(HaveKeyWithValue("cluster.x-k8s.io/v1beta2", definition.Spec.Versions[0].Name), definition.Name)
	}
}

func TestEnvironment_servesOwnKinds(t *testing.T) {
	g := NewWithT(t)
	for _, list := range []client.ObjectList{
		&infrav1.LibvirtHostList{}, &infrav1.LibvirtClusterList{}, &infrav1.LibvirtMachineList{},
		&infrav1.LibvirtMachineTemplateList{}, &infrav1.LibvirtClusterTemplateList{}, &clusterv1.ClusterList{},
	} {
		g.Expect(environment.Client.List(t.Context(), list)).To(Succeed(), "%T", list)
	}
}

func TestEnvironment_webhooksAreDirectedAtTheManager(t *testing.T) {
	g := NewWithT(t)
	var configurations admissionv1.ValidatingWebhookConfigurationList
	g.Expect(environment.Client.List(t.Context(), &configurations)).To(Succeed())
	g.Expect(configurations.Items).NotTo(BeEmpty())
	want := fmt.Sprintf(":%d/", environment.Webhooks.LocalServingPort)
	for _, hook := range configurations.Items[0].Webhooks {
		g.Expect(hook.ClientConfig.URL).To(HaveValue(ContainSubstring(want)))
	}
}

func TestEnvironment_managerReconciles(t *testing.T) {
	g := NewWithT(t)
	namespace := environment.Namespace(t)
	var seen atomic.Int64
	environment.RunManager(t, environment.ManagerOptions(), func(_ context.Context, manager ctrl.Manager) error {
		return ctrl.NewControllerManagedBy(manager).For(&corev1.ConfigMap{}).Complete(
			reconcile.Func(func(_ context.Context, request reconcile.Request) (reconcile.Result, error) {
				if request.Namespace == namespace {
					seen.Add(1)
				}
				return reconcile.Result{}, nil
			}))
	})
	environment.Create(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "one", Namespace: namespace}})
	g.Eventually(seen.Load, time.Minute, 20*time.Millisecond).Should(BeNumerically(">", 0))
}
