// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"errors"
	"fmt"

	"github.com/altcos/cluster-api-provider-altcos/internal/hostprep"
	"github.com/altcos/cluster-api-provider-altcos/internal/libvirt"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/sshexec"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// shells runs scripts over the SSH connections that the hypervisor's RPC uses too.
type shells struct {
	pool *sshexec.Pool
}

// Shell implements the seam of the controllers.
func (s shells) Shell(ctx context.Context, target virt.Target) (loadbalancer.Runner, error) {
	where, err := libvirt.SSHTarget(target)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", virt.ErrUnsupported, err)
	}
	connection, err := s.pool.Get(ctx, where)
	if err != nil {
		return nil, shellError(err)
	}
	return shell{connection}, nil
}

// hostShells gives the same shells to those who prepare hosts.
type hostShells struct {
	shells shells
}

// Shell implements the seam of the LibvirtHost controller.
func (h hostShells) Shell(ctx context.Context, target virt.Target) (hostprep.Runner, error) {
	return h.shells.Shell(ctx, target)
}

// shell speaks of failures in the words of package virt.
type shell struct {
	connection *sshexec.Connection
}

// RunScript implements loadbalancer.Runner.
func (s shell) RunScript(ctx context.Context, script string, stdin []byte) ([]byte, error) {
	output, err := s.connection.RunScript(ctx, script, stdin)
	return output, shellError(err)
}

// shellError classifies what went wrong on the way to a host; what a script itself says stays as it is.
func shellError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sshexec.ErrHostKeyMismatch), errors.Is(err, sshexec.ErrAuthentication):
		return fmt.Errorf("%w: %w", virt.ErrAuthentication, err)
	case errors.Is(err, sshexec.ErrInvalidTarget):
		return fmt.Errorf("%w: %w", virt.ErrInvalid, err)
	case errors.Is(err, sshexec.ErrUnreachable), errors.Is(err, sshexec.ErrClosed),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return fmt.Errorf("%w: %w", virt.ErrUnreachable, err)
	}
	return err
}
