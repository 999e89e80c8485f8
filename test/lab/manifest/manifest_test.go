// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "manifest.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCRDs_keepTheStorageVersionAndCarryLabels(t *testing.T) {
	definitions, err := CRDs(write(t, `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.org}
spec:
  conversion: {strategy: None}
  versions:
  - {name: v1beta1, served: true, storage: false}
  - {name: v1beta2, served: true, storage: true}
---
---
apiVersion: v1
kind: ConfigMap
metadata: {name: passed-over}
`))
	if err != nil || len(definitions) != 1 {
		t.Fatalf("got %d definitions, error %v", len(definitions), err)
	}
	definition := definitions[0]
	if len(definition.Spec.Versions) != 1 || definition.Spec.Versions[0].Name != "v1beta2" || definition.Spec.Conversion != nil {
		t.Errorf("versions %v, conversion %v", definition.Spec.Versions, definition.Spec.Conversion)
	}
	want := map[string]string{"cluster.x-k8s.io/v1beta2": "v1beta2", "clusterctl.cluster.x-k8s.io": ""}
	if diff := cmp.Diff(want, definition.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

func TestCRDs_refuseADefinitionWithoutStorage(t *testing.T) {
	_, err := CRDs(write(t, "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, spec: {versions: []}}"))
	if err == nil {
		t.Error("no error")
	}
}

func TestWebhooks_pointAtTheAddress(t *testing.T) {
	configurations, err := Webhooks(write(t, `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: mutating-webhook-configuration}
webhooks:
- name: default.things.example.org
  clientConfig: {service: {name: webhook-service, namespace: system, path: /mutate-things}}
`), "example", "127.0.0.1:9443", []byte("authority"))
	if err != nil || len(configurations) != 1 {
		t.Fatalf("got %d configurations, error %v", len(configurations), err)
	}
	want := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "admissionregistration.k8s.io/v1",
		"kind":       "MutatingWebhookConfiguration",
		"metadata":   map[string]any{"name": "example-mutating-webhook"},
		"webhooks": []any{map[string]any{
			"name":         "default.things.example.org",
			"clientConfig": map[string]any{"url": "https://127.0.0.1:9443/mutate-things", "caBundle": "YXV0aG9yaXR5"},
		}},
	}}
	if diff := cmp.Diff(want, configurations[0]); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

func TestWebhooks_mayBeAbsent(t *testing.T) {
	configurations, err := Webhooks(filepath.Join(t.TempDir(), "absent.yaml"), "example", "127.0.0.1:9443", nil)
	if err != nil || configurations != nil {
		t.Errorf("got %v, error %v", configurations, err)
	}
}

func TestWebhooks_refuseAConfigurationWithoutPath(t *testing.T) {
	_, err := Webhooks(write(t, "{kind: ValidatingWebhookConfiguration, webhooks: [{name: one, clientConfig: {service: {path: 7}}}]}"), "example", "", nil)
	if err == nil {
		t.Error("no error")
	}
}
