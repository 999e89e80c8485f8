// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	rpc "github.com/digitalocean/go-libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/altcos/cluster-api-provider-altcos/internal/libvirt/transport"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// Volume implements virt.Volumes.
func (h *host) Volume(ctx context.Context, ref virt.VolumeRef) (virt.Volume, error) {
	v, err := h.volume(ctx, ref)
	if err != nil {
		return virt.Volume{}, fmt.Errorf("read volume %q in pool %q of host %q: %w", ref.Name, ref.Pool, h.name, err)
	}
	return v, nil
}

func (h *host) volume(ctx context.Context, ref virt.VolumeRef) (virt.Volume, error) {
	found, err := h.lookupVolume(ctx, ref)
	if err != nil {
		return virt.Volume{}, err
	}
	return h.describeVolume(ctx, found)
}

func (h *host) lookupPool(ctx context.Context, name string) (rpc.StoragePool, error) {
	return transport.Call(ctx, h.Session, func(c *rpc.Libvirt) (rpc.StoragePool, error) { return c.StoragePoolLookupByName(name) })
}

func (h *host) lookupVolume(ctx context.Context, ref virt.VolumeRef) (rpc.StorageVol, error) {
	pool, err := h.lookupPool(ctx, ref.Pool)
	if err != nil {
		return rpc.StorageVol{}, err
	}
	return transport.Call(ctx, h.Session, func(c *rpc.Libvirt) (rpc.StorageVol, error) {
		return c.StorageVolLookupByName(pool, ref.Name)
	})
}

// describeVolume reads a volume; libvirt looks at the file for it, so sizes are fresh.
func (h *host) describeVolume(ctx context.Context, found rpc.StorageVol) (virt.Volume, error) {
	text, err := transport.Call(ctx, h.Session, func(c *rpc.Libvirt) (string, error) { return c.StorageVolGetXMLDesc(found, 0) })
	if err != nil {
		return virt.Volume{}, err
	}
	return parseVolume(found.Pool, text)
}

// checkComplete finds a volume that libvirt is still copying or allocating, which is listed as if it were complete.
// Reading one byte of it is the cheapest call that libvirt refuses then. Errors: virt.ErrBusy.
func (h *host) checkComplete(ctx context.Context, ref virt.VolumeRef) error {
	found, err := h.lookupVolume(ctx, ref)
	if err != nil {
		return err
	}
	_, err = h.Download(ctx, found, 1)
	return err
}

func parseVolume(pool, text string) (virt.Volume, error) {
	var description libvirtxml.StorageVolume
	if err := description.Unmarshal(text); err != nil {
		return virt.Volume{}, fmt.Errorf("parse volume: %w", err)
	}
	v := virt.Volume{
		VolumeRef:      virt.VolumeRef{Pool: pool, Name: description.Name},
		CapacityBytes:  sizeBytes(description.Capacity),
		PhysicalBytes:  sizeBytes(description.Physical),
		AllocatedBytes: sizeBytes(description.Allocation),
	}
	if target := description.Target; target != nil {
		v.Path = target.Path
		if target.Format != nil {
			v.Format = virt.VolumeFormat(target.Format.Type)
		}
	}
	if description.BackingStore != nil {
		v.BackingPath = description.BackingStore.Path
	}
	return v, nil
}

// sizeBytes reads a size as libvirt prints it, always in bytes.
func sizeBytes(size *libvirtxml.StorageVolumeSize) int64 {
	if size == nil {
		return 0
	}
	return int64(size.Value)
}

// ListVolumes implements virt.Volumes. A volume that goes meanwhile is left out.
func (h *host) ListVolumes(ctx context.Context, pool string) ([]virt.Volume, error) {
	volumes, err := h.volumes(ctx, pool)
	if err != nil {
		return nil, fmt.Errorf("list volumes in pool %q of host %q: %w", pool, h.name, err)
	}
	return volumes, nil
}

func (h *host) volumes(ctx context.Context, pool string) ([]virt.Volume, error) {
	found, err := h.lookupPool(ctx, pool)
	if err != nil {
		return nil, err
	}
	// libvirt answers at most so many; 1 asks for the volumes and not only for their number.
	const needResults = 1
	listed, err := transport.Call(ctx, h.Session, func(c *rpc.Libvirt) ([]rpc.StorageVol, error) {
		listed, _, err := c.StoragePoolListAllVolumes(found, needResults, 0)
		return listed, err
	})
	if err != nil {
		return nil, err
	}
	volumes := make([]virt.Volume, 0, len(listed))
	for _, one := range listed {
		v, err := h.describeVolume(ctx, one)
		switch {
		case errors.Is(err, virt.ErrNotFound):
			continue
		case err != nil:
			return nil, fmt.Errorf("volume %q: %w", one.Name, err)
		}
		volumes = append(volumes, v)
	}
	slices.SortFunc(volumes, func(a, b virt.Volume) int { return strings.Compare(a.Name, b.Name) })
	return volumes, nil
}

// patience is how long a refresh is tried while other work in the pool forbids it.
type patience int

const (
	// impatient gives up soon: the caller can do with what libvirt knew before.
	impatient patience = iota
	// patient tries until the context ends.
	patient
)

const (
	refreshTries    = 3
	refreshPause    = 50 * time.Millisecond
	refreshPauseMax = 2 * time.Second
)

// refresh makes libvirt look at the files of a pool. libvirt refuses while it copies or allocates there, without an
// error code of its own, and loses track when two refreshes meet.
func (h *host) refresh(ctx context.Context, pool rpc.StoragePool, p patience) error {
	unlock, err := h.lock(ctx, h.poolKey(pool.Name)+" refresh")
	if err != nil {
		return err
	}
	defer unlock()
	pause := refreshPause
	for try := 1; ; try++ {
		err := h.Do(ctx, h.Limits.Call, func(c *rpc.Libvirt) error { return c.StoragePoolRefresh(pool, 0) })
		if err == nil || errors.Is(err, virt.ErrUnreachable) || errors.Is(err, virt.ErrNotFound) {
			return err
		}
		if p == impatient && try == refreshTries {
			return fmt.Errorf("refresh pool %q: %w", pool.Name, err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fmt.Errorf("refresh pool %q: %w", pool.Name, err)
		}
		pause = min(2*pause, refreshPauseMax)
	}
}
