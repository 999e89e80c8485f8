// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirt

import (
	"context"
	"errors"
	"fmt"
	"time"

	rpc "github.com/digitalocean/go-libvirt"

	"github.com/altcos/cluster-api-provider-altcos/internal/libvirt/domainxml"
	"github.com/altcos/cluster-api-provider-altcos/internal/libvirt/transport"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// DeleteVolume implements virt.Volumes.
func (h *host) DeleteVolume(ctx context.Context, ref virt.VolumeRef) error {
	err := h.deleteVolume(ctx, ref)
	if err != nil && (errors.Is(err, virt.ErrNoPool) || !errors.Is(err, virt.ErrNotFound)) {
		return fmt.Errorf("delete volume %q in pool %q of host %q: %w", ref.Name, ref.Pool, h.name, err)
	}
	return nil
}

func (h *host) deleteVolume(ctx context.Context, ref virt.VolumeRef) error {
	unlock, err := h.lock(ctx, h.poolKey(ref.Pool))
	if err != nil {
		return err
	}
	defer unlock()
	found, err := h.lookupVolume(ctx, ref)
	if err != nil {
		return err
	}
	v, err := h.describeVolume(ctx, found)
	if err != nil {
		return err
	}
	if err := h.checkNoOverlay(ctx, v); err != nil {
		return err
	}
	if err := h.checkNoUser(ctx, v); err != nil {
		return err
	}
	return h.Do(ctx, h.Limits.SlowCall, func(c *rpc.Libvirt) error { return c.StorageVolDelete(found, 0) })
}

func (h *host) checkNoOverlay(ctx context.Context, v virt.Volume) error {
	volumes, err := h.volumes(ctx, v.Pool)
	if err != nil {
		return err
	}
	for _, other := range volumes {
		if other.BackingPath == v.Path {
			return fmt.Errorf("%w: volume %q is backed by it", virt.ErrInUse, other.Name)
		}
	}
	return nil
}

// checkNoUser looks at all domains of the host, whoever owns them. What runs counts with the disks that it has now,
// which may be others than those of its stored definition.
func (h *host) checkNoUser(ctx context.Context, v virt.Volume) error {
	// libvirt answers at most so many; 1 asks for the domains and not only for their number.
	const needResults = 1
	domains, err := transport.Call(ctx, h.Session, func(c *rpc.Libvirt) ([]rpc.Domain, error) {
		domains, _, err := c.ConnectListAllDomains(needResults, 0)
		return domains, err
	})
	if err != nil {
		return err
	}
	for _, d := range domains {
		used, err := h.uses(ctx, d, v)
		switch {
		case errors.Is(err, virt.ErrNotFound):
			continue
		case err != nil:
			return fmt.Errorf("domain %q: %w", d.Name, err)
		case used:
			return fmt.Errorf("%w: domain %q uses it", virt.ErrInUse, d.Name)
		}
	}
	return nil
}

func (h *host) uses(ctx context.Context, d rpc.Domain, v virt.Volume) (bool, error) {
	stored, err := h.describe(ctx, d, rpc.DomainXMLInactive)
	if err != nil || domainxml.Uses(stored, v) {
		return err == nil, err
	}
	// Domains that do not run have the identifier -1.
	if d.ID < 0 {
		return false, nil
	}
	running, err := h.describe(ctx, d, 0)
	if err != nil {
		return false, err
	}
	return domainxml.UsesDisk(running, v), nil
}

const (
	discardPause    = 50 * time.Millisecond
	discardPauseMax = 2 * time.Second
)

// discard removes what a failed transfer or copy has left, on a connection of its own because the session may be gone.
// It is called with a context that outlives the caller's. libvirt holds a volume for a moment after the stream into it
// has ended, and until the end of a copy that nobody waits for any more.
func (h *host) discard(ctx context.Context, ref virt.VolumeRef, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := h.Aside(ctx, func(c *rpc.Libvirt) error {
		for pause := discardPause; ; pause = min(2*pause, discardPauseMax) {
			err := discardOnce(c, ref)
			if !errors.Is(err, virt.ErrBusy) {
				return err
			}
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return err
			}
		}
	})
	if err != nil && !errors.Is(err, virt.ErrNotFound) {
		return fmt.Errorf("remove remains: %w", err)
	}
	return nil
}

func discardOnce(c *rpc.Libvirt, ref virt.VolumeRef) error {
	pool, err := c.StoragePoolLookupByName(ref.Pool)
	if err != nil {
		return transport.Classify(err)
	}
	found, err := c.StorageVolLookupByName(pool, ref.Name)
	if err != nil {
		return transport.Classify(err)
	}
	return transport.Classify(c.StorageVolDelete(found, 0))
}
