// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package manifests_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cluster-api/cmd/clusterctl/client/yamlprocessor"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/altcos/cluster-api-provider-altcos/test/envtest"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/manifest"
)

// environment has no webhooks: what Cluster API's add is not ours to test, ours have tests of their own.
var environment *envtest.Environment

func TestMain(m *testing.M) { os.Exit(envtest.Main(m, &environment)) }

const config = "../../config"

// variables are those that have no default.
var variables = map[string]string{
	"CLUSTER_NAME": "manifests", "NAMESPACE": "manifests", "KUBERNETES_VERSION": "v1.35.4",
	"CONTROL_PLANE_MACHINE_COUNT": "3", "WORKER_MACHINE_COUNT": "3", "CONTROL_PLANE_ENDPOINT_HOST": "10.0.0.10",
	"NODE_ADDRESSES": "10.0.0.11-10.0.0.20", "NODE_GATEWAY": "10.0.0.1", "IMAGE_URL": "https://example.org/altcos.qcow2.xz",
	"IMAGE_SHA256": strings.Repeat("1", 64), "SSH_AUTHORIZED_KEY": "ssh-ed25519 AAAA somebody",
}

func TestSamples_areAccepted(t *testing.T) {
	objects, err := manifest.Read(filepath.Join(config, "samples"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := expectAccepted(t, objects)
	for _, kind := range []string{"LibvirtHost", "LibvirtCluster", "LibvirtClusterTemplate", "LibvirtMachine",
		"LibvirtMachineTemplate", "AltcosBootstrapConfig", "AltcosBootstrapConfigTemplate"} {
		if !slices.Contains(kinds, kind) {
			t.Errorf("%s has no sample", kind)
		}
	}
}

func TestTemplates_areAccepted(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(config, "templates", "*.yaml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d templates, error %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			expectAccepted(t, process(t, path))
		})
	}
}

// process returns the objects of a template as clusterctl generates them.
func process(t *testing.T, path string) []*unstructured.Unstructured {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content, err = yamlprocessor.NewSimpleProcessor().Process(content, func(name string) (string, error) {
		if value, ok := variables[name]; ok {
			return value, nil
		}
		return "", fmt.Errorf("variable %s is not set", name)
	})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := manifest.Parse(content)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// expectAccepted applies objects in a namespace of this test and returns their kinds.
func expectAccepted(t *testing.T, objects []*unstructured.Unstructured) (kinds []string) {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "manifests-"}}
	if err := environment.Client.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		kinds = append(kinds, object.GetKind())
		if object.GetKind() != "LibvirtHost" {
			object.SetNamespace(namespace.Name)
		}
		options := []client.CreateOption{client.DryRunAll, client.FieldValidation(metav1.FieldValidationStrict)}
		if err := environment.Client.Create(t.Context(), object, options...); err != nil {
			t.Errorf("%s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}
	return kinds
}
