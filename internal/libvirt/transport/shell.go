// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"context"
	"fmt"

	"github.com/altcos/cluster-api-provider-altcos/internal/libvirt/hosturi"
	"github.com/altcos/cluster-api-provider-altcos/internal/sshexec"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// shell gives errors of the connection their class.
type shell struct{ connection *sshexec.Connection }

var _ virt.Shell = shell{}

// Shell implements virt.Connector, over the SSH connection that carries the hypervisor's RPC too.
func (p *Pool) Shell(ctx context.Context, target virt.Target) (virt.Shell, error) {
	connection, err := p.openSSH(ctx, target)
	if err != nil {
		return nil, fmt.Errorf("open shell on host %q: %w", target.Name, Classify(err))
	}
	return shell{connection}, nil
}

func (p *Pool) openSSH(ctx context.Context, target virt.Target) (*sshexec.Connection, error) {
	endpoint, err := hosturi.Parse(target.URI)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", virt.ErrInvalid, err)
	}
	if endpoint.Transport != hosturi.SSH {
		return nil, fmt.Errorf("%w: %q gives no shell", virt.ErrUnsupported, target.URI)
	}
	where, err := newSSHTarget(target, endpoint)
	if err != nil {
		return nil, err
	}
	return p.ssh.Get(ctx, where)
}

// Run implements virt.Shell.
func (s shell) Run(ctx context.Context, script virt.Script) ([]byte, error) {
	output, err := s.connection.Run(ctx, script)
	return output, Classify(err)
}
