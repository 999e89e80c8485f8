// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// ErrNotRead means that the API server did not give the Secret: nothing is known about the host. Callers retry.
var ErrNotRead = errors.New("credentials could not be read")

// Access is the one way to the hosts of the inventory. What holds for every use of a host is decided here.
type Access struct {
	// Client reads the Secrets with credentials.
	Client client.Reader
	// Namespace is where they are: the manager's own.
	Namespace string
	// Connector reaches the hosts.
	Connector virt.Connector
}

// Connect returns the host's hypervisor. Errors: ErrCredentials, ErrNotRead, those of virt.Connector.
func (a Access) Connect(ctx context.Context, host *infrav1.LibvirtHost) (virt.Host, error) {
	target, err := a.target(ctx, host)
	if err != nil {
		return nil, err
	}
	return a.Connector.Host(ctx, target)
}

// Shell returns the host's shell. Errors: virt.ErrUnsupported for a host without one, ErrCredentials, ErrNotRead, those of
// virt.Connector.
func (a Access) Shell(ctx context.Context, host *infrav1.LibvirtHost) (virt.Shell, error) {
	if !HasShell(host) {
		return nil, fmt.Errorf("open shell on host %q: %w: its URI is not qemu+ssh", host.Name, virt.ErrUnsupported)
	}
	target, err := a.target(ctx, host)
	if err != nil {
		return nil, err
	}
	return a.Connector.Shell(ctx, target)
}

// Forget closes the connections of a host that leaves the inventory.
func (a Access) Forget(host *infrav1.LibvirtHost) { a.Connector.Forget(host.Name) }

// target reads the Secret that the host names.
func (a Access) target(ctx context.Context, host *infrav1.LibvirtHost) (virt.Target, error) {
	name := host.Spec.CredentialsRef.Name
	if name == "" {
		return Target(host, nil)
	}
	secret := &corev1.Secret{}
	err := a.Client.Get(ctx, types.NamespacedName{Namespace: a.Namespace, Name: name}, secret)
	switch {
	case apierrors.IsNotFound(err):
		return virt.Target{}, fmt.Errorf("read secret %q in namespace %q of host %q: not found: %w", name, a.Namespace, host.Name, ErrCredentials)
	case err != nil:
		return virt.Target{}, fmt.Errorf("read secret %q in namespace %q of host %q: %w: %w", name, a.Namespace, host.Name, ErrNotRead, err)
	}
	return Target(host, secret)
}
