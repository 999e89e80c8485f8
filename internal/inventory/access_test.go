// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory_test

import (
	"context"
	"errors"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
)

type silentShell struct{}

func (silentShell) Run(context.Context, virt.Script) ([]byte, error) { return nil, nil }

func TestAccess_opensHostsWithTheSecretOfTheManager(t *testing.T) {
	errServer := errors.New("the API server is away")
	elsewhere := newSecret()
	elsewhere.Namespace = "tenant"
	const ssh, local = "qemu+ssh://node3/system", "qemu+unix:///system"
	tests := map[string]struct {
		uri                    string
		secret                 client.Object
		readErr                error
		wantConnect, wantShell error
	}{
		"a secret in the manager's namespace":   {uri: ssh, secret: newSecret()},
		"a secret elsewhere does not count":     {uri: ssh, secret: elsewhere, wantConnect: inventory.ErrCredentials, wantShell: inventory.ErrCredentials},
		"an API server that does not answer":    {uri: ssh, secret: newSecret(), readErr: errServer, wantConnect: inventory.ErrNotRead, wantShell: inventory.ErrNotRead},
		"a host that is not reached by ssh":     {uri: local, secret: newSecret(), wantShell: virt.ErrUnsupported},
		"no ssh, and credentials do not matter": {uri: local, secret: elsewhere, wantConnect: inventory.ErrCredentials, wantShell: virt.ErrUnsupported},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cloud := fakevirt.NewCloud()
			cloud.AddHost("node3").SetShell(silentShell{})
			access := inventory.Access{
				Client: fake.NewClientBuilder().WithObjects(test.secret).WithInterceptorFuncs(interceptor.Funcs{
					Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
						return errors.Join(test.readErr, c.Get(ctx, key, o, opts...))
					},
				}).Build(),
				Namespace: "altcos-system", Connector: cloud,
			}
			host := newHost(test.uri)
			if _, err := access.Connect(t.Context(), host); !errors.Is(err, test.wantConnect) {
				t.Errorf("connect: %v, want %v", err, test.wantConnect)
			}
			if _, err := access.Shell(t.Context(), host); !errors.Is(err, test.wantShell) {
				t.Errorf("shell: %v, want %v", err, test.wantShell)
			}
		})
	}
}

func TestAccess_forgetsHosts(t *testing.T) {
	cloud := fakevirt.NewCloud()
	inventory.Access{Connector: cloud}.Forget(&infrav1.LibvirtHost{ObjectMeta: newHost("").ObjectMeta})
	if cloud.Forgotten("node3") != 1 {
		t.Error("the connections were kept")
	}
}
