// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package profilesource

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/render"
	"github.com/altcos/cluster-api-provider-altcos/internal/profile"
)

// ErrMissing means that an object or a key that a profile names does not exist, or is not visible to the provider. It may be
// created later: the profile itself is valid.
var ErrMissing = errors.New("does not exist")

// ErrUnseen is an ErrMissing of an object that exists: the cache has not seen it yet, or never will because it lacks the
// label.
var ErrUnseen = fmt.Errorf("%w yet", ErrMissing)

// Machine is the machine whose profile is resolved.
type Machine struct {
	Cluster *clusterv1.Cluster
	// ControlPlane machines get the private half of the cluster's key pair.
	ControlPlane bool
}

// Resolve returns the profile and the user's layers on top of it. Errors: problem.Problem values for the profile,
// ErrMissing (which includes ErrUnseen), those of the client.
func Resolve(
	ctx context.Context, c client.Client, machine Machine, spec *bootstrapv1.AltcosProfile,
) (*altcos.Profile, []render.UserLayer, error) {
	resolved, inline, err := profile.FromAPI(spec)
	if err != nil {
		return nil, nil, err
	}
	var layers []render.UserLayer
	for i, source := range spec.ButaneFrom {
		data, err := Read(ctx, c, machine.Cluster.Namespace, source)
		if err != nil {
			return nil, nil, fmt.Errorf("butaneFrom[%d]: %w", i, err)
		}
		layers = append(layers, render.UserLayer{
			Name: fmt.Sprintf("butaneFrom[%d]", i), Data: data, Secret: source.Kind == bootstrapv1.ButaneSourceSecret,
		})
	}
	if spec.ClusterSSH == bootstrapv1.ClusterSSHControlPlanes {
		pair, err := ensureKeyPair(ctx, c, machine.Cluster)
		if err != nil {
			return nil, nil, fmt.Errorf("clusterSSH: %w", err)
		}
		if !machine.ControlPlane {
			pair.PrivateKey = nil
		}
		resolved.ClusterSSH = &pair
	}
	return resolved, append(layers, inline...), nil
}

// Read returns the config that a source names. Errors: ErrMissing, those of the client.
func Read(ctx context.Context, c client.Reader, namespace string, source bootstrapv1.ButaneSource) ([]byte, error) {
	key := client.ObjectKey{Namespace: namespace, Name: source.Name}
	var data []byte
	var err error
	if source.Kind == bootstrapv1.ButaneSourceConfigMap {
		found := &corev1.ConfigMap{}
		err = c.Get(ctx, key, found)
		data = found.BinaryData[source.Key]
		if text, ok := found.Data[source.Key]; ok {
			data = []byte(text)
		}
	} else {
		found := &corev1.Secret{}
		err = c.Get(ctx, key, found)
		data = found.Data[source.Key]
	}
	switch {
	case apierrors.IsNotFound(err):
		return nil, fmt.Errorf("%s %q with label %s %w", source.Kind, source.Name, clusterv1.ClusterNameLabel, ErrMissing)
	case err != nil:
		return nil, fmt.Errorf("read %s %q: %w", source.Kind, source.Name, err)
	case len(data) == 0:
		return nil, fmt.Errorf("key %q of %s %q %w", source.Key, source.Kind, source.Name, ErrMissing)
	}
	return data, nil
}
