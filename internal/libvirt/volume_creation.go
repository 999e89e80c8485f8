// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirt

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	rpc "github.com/digitalocean/go-libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/altcos/cluster-api-provider-altcos/internal/libvirt/transport"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// reserveBytes is what a pool must have left so that a failure without a reason is not called a lack of space.
const reserveBytes = 1 << 20

// copyPatience is how long the removal of a copy that nobody wants any more waits for the end of the copying.
const copyPatience = time.Hour

// CreateVolume implements virt.Volumes.
func (h *host) CreateVolume(ctx context.Context, spec virt.VolumeSpec) (virt.Volume, error) {
	v, err := h.createVolume(ctx, spec)
	if err != nil {
		return virt.Volume{}, fmt.Errorf("create volume %q in pool %q of host %q: %w", spec.Name, spec.Pool, h.name, err)
	}
	return v, nil
}

func (h *host) createVolume(ctx context.Context, spec virt.VolumeSpec) (virt.Volume, error) {
	if err := checkVolume(spec); err != nil {
		return virt.Volume{}, err
	}
	pool, err := h.lookupPool(ctx, spec.Pool)
	if err != nil {
		return virt.Volume{}, err
	}
	switch {
	case spec.Source != nil:
		return h.copyVolume(ctx, pool, spec)
	case spec.Backing != nil:
		return h.overlayVolume(ctx, pool, spec)
	}
	return h.newVolume(ctx, pool, describe(spec))
}

func checkVolume(spec virt.VolumeSpec) error {
	switch {
	case spec.Name == "" || spec.Name == "." || spec.Name == ".." || strings.ContainsAny(spec.Name, "/\n\x00"):
		return fmt.Errorf("%w: name cannot be that of a file", virt.ErrInvalid)
	case spec.Format != virt.VolumeQCOW2 && spec.Format != virt.VolumeRaw:
		return fmt.Errorf("%w: format %q", virt.ErrInvalid, spec.Format)
	case spec.CapacityBytes < 0:
		return fmt.Errorf("%w: capacity of %d bytes", virt.ErrInvalid, spec.CapacityBytes)
	case spec.Backing != nil && spec.Source != nil:
		return fmt.Errorf("%w: both backing and source", virt.ErrInvalid)
	case spec.Backing != nil && spec.Format == virt.VolumeRaw:
		return fmt.Errorf("%w: a raw volume cannot be an overlay", virt.ErrInvalid)
	case spec.Backing == nil && spec.Source == nil && spec.CapacityBytes == 0:
		return fmt.Errorf("%w: no capacity", virt.ErrInvalid)
	}
	for _, origin := range []*virt.VolumeRef{spec.Backing, spec.Source} {
		if origin != nil && origin.Pool != spec.Pool {
			return fmt.Errorf("%w: volume %q is in another pool", virt.ErrInvalid, origin.Name)
		}
	}
	return nil
}

// describe is the XML of a new, thin volume.
func describe(spec virt.VolumeSpec) *libvirtxml.StorageVolume {
	mode := "0644"
	if spec.Private {
		mode = "0600"
	}
	description := &libvirtxml.StorageVolume{
		Name:       spec.Name,
		Capacity:   &libvirtxml.StorageVolumeSize{Unit: "bytes", Value: uint64(spec.CapacityBytes)},
		Allocation: &libvirtxml.StorageVolumeSize{Unit: "bytes", Value: 0},
		Target: &libvirtxml.StorageVolumeTarget{
			Format:      &libvirtxml.StorageVolumeTargetFormat{Type: string(spec.Format)},
			Permissions: &libvirtxml.StorageVolumeTargetPermissions{Mode: mode},
		},
	}
	if spec.Format == virt.VolumeQCOW2 {
		description.Target.Compat = "1.1"
	}
	return description
}

// newVolume creates a volume and reads what came out.
func (h *host) newVolume(ctx context.Context, pool rpc.StoragePool, description *libvirtxml.StorageVolume) (virt.Volume, error) {
	created, err := h.create(ctx, pool, description)
	if err != nil {
		return virt.Volume{}, err
	}
	return h.describeVolume(ctx, created)
}

func (h *host) create(ctx context.Context, pool rpc.StoragePool, description *libvirtxml.StorageVolume) (rpc.StorageVol, error) {
	text, err := description.Marshal()
	if err != nil {
		return rpc.StorageVol{}, fmt.Errorf("marshal volume: %w", err)
	}
	created, err := transport.CallFor(ctx, h.Session, h.Limits.SlowCall, func(c *rpc.Libvirt) (rpc.StorageVol, error) {
		return c.StorageVolCreateXML(pool, text, 0)
	})
	if err != nil {
		return rpc.StorageVol{}, h.explain(ctx, pool, err)
	}
	return created, nil
}

// overlayVolume makes a thin volume on another one. libvirt would make it smaller than its base if asked, and would let
// the base be deleted meanwhile.
func (h *host) overlayVolume(ctx context.Context, pool rpc.StoragePool, spec virt.VolumeSpec) (virt.Volume, error) {
	unlock, err := h.lock(ctx, h.poolKey(pool.Name))
	if err != nil {
		return virt.Volume{}, err
	}
	defer unlock()
	base, err := h.volume(ctx, *spec.Backing)
	if err != nil {
		return virt.Volume{}, fmt.Errorf("backing %q: %w", spec.Backing.Name, err)
	}
	spec.CapacityBytes = max(spec.CapacityBytes, base.CapacityBytes)
	description := describe(spec)
	description.BackingStore = &libvirtxml.StorageVolumeBackingStore{
		Path: base.Path, Format: &libvirtxml.StorageVolumeTargetFormat{Type: string(base.Format)},
	}
	return h.newVolume(ctx, pool, description)
}

// copyVolume makes a full copy. What a copy that failed has left is removed; libvirt copies on when its caller has left,
// so then the removal goes on in the background, and until it is done the name is busy.
func (h *host) copyVolume(ctx context.Context, pool rpc.StoragePool, spec virt.VolumeSpec) (virt.Volume, error) {
	unlock, err := h.lock(ctx, h.poolKey(pool.Name)+"/"+spec.Name)
	if err != nil {
		return virt.Volume{}, err
	}
	// What is removed below must be ours, hence this question although libvirt would refuse a second copy.
	switch err := h.checkComplete(ctx, spec.VolumeRef); {
	case err == nil:
		unlock()
		return virt.Volume{}, virt.ErrExists
	case !errors.Is(err, virt.ErrNotFound):
		unlock()
		return virt.Volume{}, err
	}
	v, begun, err := h.copyAside(ctx, pool, spec)
	switch {
	case err == nil, !begun:
		unlock()
		return v, err
	case ctx.Err() != nil:
		h.background(ctx, func(ctx context.Context) {
			defer unlock()
			_ = h.discard(ctx, spec.VolumeRef, copyPatience)
		})
		return virt.Volume{}, err
	}
	defer unlock()
	return virt.Volume{}, errors.Join(err, h.discard(context.WithoutCancel(ctx), spec.VolumeRef, h.Limits.Cleanup))
}

// copyAside copies on a connection of its own, because that takes as long as the disk needs. libvirt gives the copy the
// size of its source whatever is asked. begun means that there may be something to remove.
func (h *host) copyAside(ctx context.Context, pool rpc.StoragePool, spec virt.VolumeSpec) (v virt.Volume, begun bool, err error) {
	source, err := h.lookupVolume(ctx, *spec.Source)
	if err != nil {
		return v, false, fmt.Errorf("source %q: %w", spec.Source.Name, err)
	}
	original, err := h.describeVolume(ctx, source)
	if err != nil {
		return v, false, fmt.Errorf("source %q: %w", spec.Source.Name, err)
	}
	if err := h.checkSpace(ctx, pool, original.PhysicalBytes); err != nil {
		return v, false, err
	}
	wanted := max(spec.CapacityBytes, original.CapacityBytes)
	spec.CapacityBytes = original.CapacityBytes
	text, err := describe(spec).Marshal()
	if err != nil {
		return v, false, fmt.Errorf("marshal volume: %w", err)
	}
	err = h.Aside(ctx, func(c *rpc.Libvirt) error {
		begun = true
		_, err := c.StorageVolCreateXMLFrom(pool, text, source, 0)
		return err
	})
	switch {
	case errors.Is(err, virt.ErrExists):
		return v, false, err
	case err != nil:
		return v, begun, h.explain(ctx, pool, err)
	}
	v, err = h.grow(ctx, spec.VolumeRef, wanted)
	return v, true, err
}

func (h *host) grow(ctx context.Context, ref virt.VolumeRef, wanted int64) (virt.Volume, error) {
	found, err := h.lookupVolume(ctx, ref)
	if err != nil {
		return virt.Volume{}, err
	}
	v, err := h.describeVolume(ctx, found)
	if err != nil || v.CapacityBytes >= wanted {
		return v, err
	}
	if err := h.Do(ctx, h.Limits.SlowCall, func(c *rpc.Libvirt) error {
		return c.StorageVolResize(found, uint64(wanted), 0)
	}); err != nil {
		return virt.Volume{}, err
	}
	return h.describeVolume(ctx, found)
}

// checkSpace compares with what libvirt last knew, which saves a transfer that cannot end well.
func (h *host) checkSpace(ctx context.Context, pool rpc.StoragePool, need int64) error {
	available, err := transport.Call(ctx, h.Session, func(c *rpc.Libvirt) (uint64, error) {
		_, _, _, available, err := c.StoragePoolGetInfo(pool)
		return available, err
	})
	if err != nil {
		return err
	}
	if need >= 0 && available < uint64(need) {
		return fmt.Errorf("%w: %d bytes are needed, %d are available", virt.ErrNoSpace, need, available)
	}
	return nil
}

// explain finds out whether an error without a meaning was a lack of space: libvirt reports it by text only, and that in
// the host's language.
func (h *host) explain(ctx context.Context, pool rpc.StoragePool, err error) error {
	if transport.IsClassified(err) {
		return err
	}
	if _, ok := errors.AsType[rpc.Error](err); !ok || h.refresh(ctx, pool, impatient) != nil {
		return err
	}
	if full := h.checkSpace(ctx, pool, reserveBytes); errors.Is(full, virt.ErrNoSpace) {
		return fmt.Errorf("%w: %w", full, err)
	}
	return err
}
