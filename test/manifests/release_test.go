// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package manifests_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cluster-api/cmd/clusterctl/client/yamlprocessor"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/manifest"
)

const (
	version = "v0.1.0"
	image   = "registry.example.org/altcos/manager:" + version
)

// provider is one of those that clusterctl sees.
type provider struct {
	kind, name, namespace, group string
}

func providers() []provider {
	return []provider{
		{"infrastructure", "libvirt", "altcos-infrastructure-system", "infrastructure.cluster.x-k8s.io"},
		{"bootstrap", "altcos", "altcos-bootstrap-system", "bootstrap.cluster.x-k8s.io"},
	}
}

func (p provider) label() string { return p.kind + "-" + p.name }

// components is the file that clusterctl installs from a release in dist.
func (p provider) components(dist string) string {
	return filepath.Join(dist, p.label(), version, p.kind+"-components.yaml")
}

// release is what "make manifests" writes.
func release(t *testing.T) (dist string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	kustomize, dist := filepath.Join(work, "kustomize"), filepath.Join(work, "dist")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", kustomize, "sigs.k8s.io/kustomize/kustomize/v5")
	build.Dir = filepath.Join(root, "hack", "tools", "kustomize")
	write := exec.CommandContext(t.Context(), filepath.Join(root, "hack", "release-manifests.sh"))
	write.Env = append(os.Environ(), "VERSION="+version, "IMAGE="+image, "KUSTOMIZE="+kustomize, "DIST="+dist)
	for _, command := range []*exec.Cmd{build, write} {
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, output)
		}
	}
	return dist
}

// installed are a provider's components as clusterctl creates them when no variable is set.
func installed(t *testing.T, dist string, p provider) []*unstructured.Unstructured {
	t.Helper()
	content, err := os.ReadFile(p.components(dist))
	if err != nil {
		t.Fatal(err)
	}
	content, err = yamlprocessor.NewSimpleProcessor().Process(content, func(name string) (string, error) {
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
