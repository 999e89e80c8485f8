// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirt

import (
	"context"
	"fmt"

	rpc "github.com/digitalocean/go-libvirt"
	"github.com/google/uuid"

	"github.com/altcos/cluster-api-provider-altcos/internal/keylock"
	"github.com/altcos/cluster-api-provider-altcos/internal/libvirt/transport"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// host implements virt.Host on one session.
type host struct {
	*transport.Session
	name        string
	accelerator virt.Accelerator
	locks       *keylock.Locks
	// background runs what goes on after its caller has left, until the Pool is closed.
	background func(ctx context.Context, f func(ctx context.Context))
}

var _ virt.Host = (*host)(nil)

func parseUUID(text string) (rpc.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return rpc.UUID{}, fmt.Errorf("%w: uuid %q", virt.ErrInvalid, text)
	}
	return rpc.UUID(id), nil
}

func formatUUID(id rpc.UUID) string { return uuid.UUID(id).String() }

// lock serialises what libvirt does not: a check and the act that relies on it. Locks span sessions. Errors: virt.ErrBusy
// when the context ends first.
func (h *host) lock(ctx context.Context, key string) (unlock func(), err error) {
	unlock, err = h.locks.Lock(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("await other work on %s: %w: %w", key, virt.ErrBusy, err)
	}
	return unlock, nil
}

// poolKey and domainKey name what is locked.
func (h *host) poolKey(pool string) string { return "pool " + h.name + "/" + pool }
func (h *host) domainKey(id string) string { return "domain " + h.name + "/" + id }
