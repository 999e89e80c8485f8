// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package manifests_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/altcos/cluster-api-provider-altcos/internal/manager"
)

func TestComponents(t *testing.T) {
	dist := release(t)
	for name, check := range map[string]func(*testing.T, string){
		"a provider stands alone":             expectSeparate,
		"the manager is confined":             expectConfined,
		"the API server reaches the webhooks": expectReachable,
	} {
		t.Run(name, func(t *testing.T) { check(t, dist) })
	}
}

func expectSeparate(t *testing.T, dist string) {
	t.Helper()
	owners := map[string]string{}
	for _, p := range providers() {
		for _, object := range installed(t, dist, p) {
			id := object.GetKind() + " " + object.GetNamespace() + "/" + object.GetName()
			if owner, taken := owners[id]; taken {
				t.Errorf("%s brings %s, which %s brings too", p.label(), id, owner)
			}
			owners[id] = p.label()
			if got := object.GetLabels()[clusterv1.ProviderNameLabel]; got != p.label() {
				t.Errorf("%s has provider label %q, want %q", id, got, p.label())
			}
			if object.GetNamespace() != "" && object.GetNamespace() != p.namespace {
				t.Errorf("%s is outside of namespace %s", id, p.namespace)
			}
			if object.GetKind() == "CustomResourceDefinition" {
				expectContract(t, object, p.group)
			}
		}
		if owners["Namespace /"+p.namespace] != p.label() {
			t.Errorf("%s brings no namespace %s", p.label(), p.namespace)
		}
	}
}

// expectContract checks what Cluster API and "clusterctl move" need on a definition.
func expectContract(t *testing.T, object *unstructured.Unstructured, group string) {
	t.Helper()
	if !strings.HasSuffix(object.GetName(), "."+group) {
		t.Errorf("%s is not of group %s", object.GetName(), group)
	}
	labels := object.GetLabels()
	if got := labels["cluster.x-k8s.io/v1beta2"]; got != "v1alpha1" {
		t.Errorf("%s: contract v1beta2 is served by version %q, want v1alpha1", object.GetName(), got)
	}
	if _, ok := labels["clusterctl.cluster.x-k8s.io"]; !ok {
		t.Errorf("%s: clusterctl cannot find it", object.GetName())
	}
}

func expectConfined(t *testing.T, dist string) {
	t.Helper()
	for _, p := range providers() {
		t.Run(p.label(), func(t *testing.T) {
			pod := only[appsv1.Deployment](t, installed(t, dist, p), "Deployment").Spec.Template.Spec
			container := pod.Containers[0]
			if container.Name != "manager" || container.Image != image {
				t.Errorf("container %s has image %s", container.Name, container.Image)
			}
			if got := pod.SecurityContext.SeccompProfile.Type; got != corev1.SeccompProfileTypeRuntimeDefault {
				t.Errorf("seccomp profile is %s", got)
			}
			security := container.SecurityContext
			if !*pod.SecurityContext.RunAsNonRoot || !*security.ReadOnlyRootFilesystem || *security.AllowPrivilegeEscalation {
				t.Errorf("container may do too much: %+v", security)
			}
			if diff := cmp.Diff([]corev1.Capability{"ALL"}, security.Capabilities.Drop); diff != "" {
				t.Errorf("dropped capabilities (-want +got):\n%s", diff)
			}

			var options manager.Options
			flags := pflag.NewFlagSet("manager", pflag.ContinueOnError)
			options.AddFlags(flags)
			if err := flags.Parse(container.Args); err != nil {
				t.Fatalf("arguments %q: %v", container.Args, err)
			}
			if err := options.Validate(); err != nil {
				t.Error(err)
			}
			if !slices.Equal(options.Controllers, []string{p.kind}) || !options.LeaderElection.Enabled {
				t.Errorf("runs %q, with leader election %t", options.Controllers, options.LeaderElection.Enabled)
			}
			if !slices.ContainsFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == options.Webhook.CertDir }) {
				t.Errorf("nothing is mounted at %s", options.Webhook.CertDir)
			}
			if !slices.ContainsFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == options.ImageCacheDir }) {
				t.Errorf("nothing is mounted at %s", options.ImageCacheDir)
			}
		})
	}
}

func expectReachable(t *testing.T, dist string) {
	t.Helper()
	for _, p := range providers() {
		t.Run(p.label(), func(t *testing.T) {
			objects := installed(t, dist, p)
			service := only[corev1.Service](t, objects, "Service")
			deployment := only[appsv1.Deployment](t, objects, "Deployment")
			for key, value := range service.Spec.Selector {
				if deployment.Spec.Template.Labels[key] != value {
					t.Errorf("Service selects %s=%s, which pods do not have", key, value)
				}
			}
			certificate := only[unstructured.Unstructured](t, objects, "Certificate")
			names, _, _ := unstructured.NestedStringSlice(certificate.Object, "spec", "dnsNames")
			host := service.Name + "." + service.Namespace + ".svc"
			if diff := cmp.Diff([]string{host, host + ".cluster.local"}, names); diff != "" {
				t.Errorf("names of the certificate (-want +got):\n%s", diff)
			}
			secret, _, _ := unstructured.NestedString(certificate.Object, "spec", "secretName")
			if !slices.ContainsFunc(deployment.Spec.Template.Spec.Volumes, func(v corev1.Volume) bool {
				return v.Secret != nil && v.Secret.SecretName == secret
			}) {
				t.Errorf("Secret %s is not mounted", secret)
			}
			configuration := only[admissionv1.ValidatingWebhookConfiguration](t, objects, "ValidatingWebhookConfiguration")
			want := certificate.GetNamespace() + "/" + certificate.GetName()
			if got := configuration.Annotations["cert-manager.io/inject-ca-from"]; got != want {
				t.Errorf("authority comes from %q, want %q", got, want)
			}
			for _, webhook := range configuration.Webhooks {
				if at := webhook.ClientConfig.Service; at.Name != service.Name || at.Namespace != service.Namespace {
					t.Errorf("webhook %s calls %s/%s", webhook.Name, at.Namespace, at.Name)
				}
			}
		})
	}
}

// only returns the one object of a kind.
func only[T any](t *testing.T, objects []*unstructured.Unstructured, kind string) *T {
	t.Helper()
	var found []*unstructured.Unstructured
	for _, object := range objects {
		if object.GetKind() == kind {
			found = append(found, object)
		}
	}
	if len(found) != 1 {
		t.Fatalf("there are %d objects of kind %s, want one", len(found), kind)
	}
	typed := new(T)
	if u, ok := any(typed).(*unstructured.Unstructured); ok {
		u.Object = found[0].Object
		return typed
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(found[0].Object, typed); err != nil {
		t.Fatal(err)
	}
	return typed
}
