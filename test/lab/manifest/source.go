// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"context"
	"path/filepath"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/binaries"
)

// Source is where a provider keeps its manifests, in the layout of kubebuilder.
type Source struct {
	// Dir is the provider's config directory.
	Dir string
}

// CRDs is the directory of its custom resource definitions.
func (s Source) CRDs() string { return filepath.Join(s.Dir, "crd", "bases") }

// Webhooks are the files of its webhook configurations, which may be none: one for all, or one in a folder for each part.
func (s Source) Webhooks() []string { return s.generated("webhook", "manifests.yaml") }

// ClusterRoles are the files of the roles that its managers work with.
func (s Source) ClusterRoles() []string { return s.generated("rbac", "role.yaml") }

func (s Source) generated(folder, name string) (found []string) {
	for _, pattern := range []string{filepath.Join(s.Dir, folder, name), filepath.Join(s.Dir, folder, "*", name)} {
		files, _ := filepath.Glob(pattern) // fails for bad patterns only
		found = append(found, files...)
	}
	return found
}

// Sources are the providers of a management cluster.
type Sources struct {
	Core, Bootstrap, ControlPlane, IPAM, Own Source
}

// Find locates all sources: this repository and the module cache, downloading the modules when they are not there.
func Find(ctx context.Context) (Sources, error) {
	root, err := binaries.Root()
	if err != nil {
		return Sources{}, err
	}
	clusterAPI, err := binaries.ClusterAPISource(ctx)
	if err != nil {
		return Sources{}, err
	}
	ipam, err := binaries.IPAMSource(ctx)
	if err != nil {
		return Sources{}, err
	}
	return Sources{
		Core:         Source{filepath.Join(clusterAPI, "core", "config")},
		Bootstrap:    Source{filepath.Join(clusterAPI, "bootstrap", "kubeadm", "config")},
		ControlPlane: Source{filepath.Join(clusterAPI, "controlplane", "kubeadm", "config")},
		IPAM:         Source{filepath.Join(ipam, "config")},
		Own:          Source{filepath.Join(root, "config")},
	}, nil
}
