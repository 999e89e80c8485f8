// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirt

import (
	"context"

	"github.com/altcos/cluster-api-provider-altcos/internal/keylock"
	"github.com/altcos/cluster-api-provider-altcos/internal/libvirt/transport"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// Limits are the patience of a Pool. A zero field takes the default.
type Limits = transport.Limits

// Pool implements virt.Connector: shells, events and the end of connections are the transport's own.
type Pool struct {
	*transport.Pool
	locks keylock.Locks
}

var _ virt.Connector = (*Pool)(nil)

// NewPool returns an empty pool that waits for hosts as long as limits say. Close ends it.
func NewPool(limits Limits) *Pool { return &Pool{Pool: transport.NewPool(limits)} }

// Host implements virt.Connector. The host that is returned lives as long as its connection; callers ask anew for each
// reconciliation.
func (p *Pool) Host(ctx context.Context, target virt.Target) (virt.Host, error) {
	session, err := p.Session(ctx, target)
	if err != nil {
		return nil, err
	}
	return &host{
		Session: session, name: target.Name, accelerator: target.Accelerator, locks: &p.locks, background: p.Background,
	}, nil
}
