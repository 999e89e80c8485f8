// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirt

import (
	"context"
	"errors"

	rpc "github.com/digitalocean/go-libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// undefineFlags are tried in order: every libvirt refuses flags that it does not know, and drivers flags that they do
// not need.
var undefineFlags = []rpc.DomainUndefineFlagsValues{ //nolint:gochecknoglobals // a table that nobody writes
	rpc.DomainUndefineManagedSave | rpc.DomainUndefineSnapshotsMetadata | rpc.DomainUndefineCheckpointsMetadata |
		rpc.DomainUndefineNvram | rpc.DomainUndefineTpm,
	rpc.DomainUndefineManagedSave | rpc.DomainUndefineSnapshotsMetadata | rpc.DomainUndefineCheckpointsMetadata |
		rpc.DomainUndefineNvram,
	rpc.DomainUndefineManagedSave | rpc.DomainUndefineSnapshotsMetadata | rpc.DomainUndefineNvram,
	rpc.DomainUndefineManagedSave,
	0,
}

// RemoveDomain implements virt.Domains.
func (h *host) RemoveDomain(ctx context.Context, id string, owner virt.Owner) error {
	err := h.change(ctx, "remove", id, owner, func(found rpc.Domain, _ *libvirtxml.Domain) error {
		state, err := h.state(ctx, found)
		if err != nil {
			return err
		}
		if state != rpc.DomainShutoff {
			if err := h.destroy(ctx, found); err != nil {
				return err
			}
		}
		return h.undefine(ctx, found)
	})
	if errors.Is(err, virt.ErrNotFound) {
		return nil
	}
	return err
}

// destroy ends QEMU. A guest that ended by itself meanwhile is fine.
func (h *host) destroy(ctx context.Context, found rpc.Domain) error {
	err := h.Do(ctx, h.Limits.SlowCall, func(c *rpc.Libvirt) error { return c.DomainDestroyFlags(found, 0) })
	if err == nil || !errors.Is(err, virt.ErrBusy) {
		return err
	}
	if state, stateErr := h.state(ctx, found); stateErr == nil && state == rpc.DomainShutoff {
		return nil
	}
	return err
}

func (h *host) undefine(ctx context.Context, found rpc.Domain) error {
	var err error
	for _, flags := range undefineFlags {
		err = h.Do(ctx, h.Limits.Call, func(c *rpc.Libvirt) error { return c.DomainUndefineFlags(found, flags) })
		if !errors.Is(err, virt.ErrInvalid) && !errors.Is(err, virt.ErrUnsupported) {
			return err
		}
	}
	return err
}
