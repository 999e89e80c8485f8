// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fakevirt

import (
	"context"
	"fmt"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// SetShell gives the host a shell. Without one it is a host that is not reached by ssh.
func (h *Host) SetShell(shell virt.Shell) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shell = shell
}

// Shell implements virt.Connector. A host that was never added has none.
func (c *Cloud) Shell(ctx context.Context, target virt.Target) (virt.Shell, error) {
	c.mu.Lock()
	h, ok := c.hosts[target.Name]
	c.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("open shell on host %q: %w", target.Name, virt.ErrUnsupported)
	}
	shell, err := call(ctx, h, MethodShell, func() (virt.Shell, error) {
		if h.shell == nil {
			return nil, virt.ErrUnsupported
		}
		return faultyShell{h.shell, h}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("open shell on host %q: %w", target.Name, err)
	}
	return shell, nil
}

// faultyShell puts the host's faults around a shell.
type faultyShell struct {
	shell virt.Shell
	host  *Host
}

// Run implements virt.Shell.
func (s faultyShell) Run(ctx context.Context, script virt.Script) ([]byte, error) {
	after, err := s.host.enter(ctx, MethodRunScript)
	if err != nil {
		return nil, err
	}
	output, err := s.shell.Run(ctx, script)
	if err == nil {
		err = after
	}
	return output, err
}
