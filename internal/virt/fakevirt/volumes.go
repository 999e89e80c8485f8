// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fakevirt

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// emptyQCOW2 is what an empty image takes on disk, in bytes.
const emptyQCOW2 = int64(196 << 10)

type volume struct {
	virt.Volume
	content []byte
	private bool
	writing bool
}

// Volume implements virt.Volumes.
func (h *Host) Volume(ctx context.Context, ref virt.VolumeRef) (virt.Volume, error) {
	return call(ctx, h, MethodVolume, func() (virt.Volume, error) {
		if _, err := h.pool(ref.Pool); err != nil {
			return virt.Volume{}, err
		}
		v, ok := h.volumes[ref]
		if !ok {
			return virt.Volume{}, fmt.Errorf("find volume %q in pool %q: %w", ref.Name, ref.Pool, virt.ErrNotFound)
		}
		return v.Volume, nil
	})
}

// ListVolumes implements virt.Volumes. Volumes come in order of their names.
func (h *Host) ListVolumes(ctx context.Context, pool string) ([]virt.Volume, error) {
	return call(ctx, h, MethodListVolumes, func() ([]virt.Volume, error) {
		if _, err := h.pool(pool); err != nil {
			return nil, err
		}
		return h.volumesOf(pool), nil
	})
}

func (h *Host) volumesOf(pool string) []virt.Volume {
	var volumes []virt.Volume
	for ref, v := range h.volumes {
		if ref.Pool == pool {
			volumes = append(volumes, v.Volume)
		}
	}
	slices.SortFunc(volumes, func(a, b virt.Volume) int { return strings.Compare(a.Name, b.Name) })
	return volumes
}

func (h *Host) volumeAt(path string) *volume {
	for _, v := range h.volumes {
		if v.Path == path {
			return v
		}
	}
	return nil
}

// CreateVolume implements virt.Volumes.
func (h *Host) CreateVolume(ctx context.Context, spec virt.VolumeSpec) (virt.Volume, error) {
	return call(ctx, h, MethodCreateVolume, func() (virt.Volume, error) {
		v, err := h.create(spec)
		if err != nil {
			return virt.Volume{}, fmt.Errorf("create volume %q in pool %q: %w", spec.Name, spec.Pool, err)
		}
		return v.Volume, nil
	})
}

func (h *Host) create(spec virt.VolumeSpec) (*volume, error) {
	origin := spec.Source
	switch {
	case spec.Backing != nil && spec.Source != nil:
		return nil, fmt.Errorf("%w: both backing and source", virt.ErrInvalid)
	case spec.Backing != nil && spec.Format == virt.VolumeRaw:
		return nil, fmt.Errorf("%w: raw volumes cannot be overlays", virt.ErrInvalid)
	case spec.Backing != nil:
		origin = spec.Backing
	case spec.Source == nil && spec.CapacityBytes <= 0:
		return nil, fmt.Errorf("%w: capacity of %d bytes", virt.ErrInvalid, spec.CapacityBytes)
	}
	v, err := h.blank(spec)
	if err != nil {
		return nil, err
	}
	v.CapacityBytes = spec.CapacityBytes
	if v.Format == virt.VolumeQCOW2 {
		v.PhysicalBytes, v.AllocatedBytes = emptyQCOW2, emptyQCOW2
	}
	if origin != nil {
		if err := h.derive(v, spec, *origin); err != nil {
			return nil, err
		}
	}
	if err := h.checkSpace(spec.Pool, v.PhysicalBytes); err != nil {
		return nil, err
	}
	h.volumes[spec.VolumeRef] = v
	return v, nil
}

// derive makes v an overlay on, or a copy of, the origin.
func (h *Host) derive(v *volume, spec virt.VolumeSpec, ref virt.VolumeRef) error {
	origin, ok := h.volumes[ref]
	if !ok {
		return fmt.Errorf("find volume %q: %w", ref.Name, virt.ErrNotFound)
	}
	if ref.Pool != spec.Pool {
		return fmt.Errorf("%w: volume %q is in pool %q", virt.ErrInvalid, ref.Name, ref.Pool)
	}
	v.CapacityBytes = max(v.CapacityBytes, origin.CapacityBytes)
	if spec.Backing != nil {
		v.BackingPath = origin.Path
		return nil
	}
	v.content = slices.Clone(origin.content)
	v.PhysicalBytes, v.AllocatedBytes = origin.PhysicalBytes, origin.AllocatedBytes
	v.BackingPath = origin.BackingPath
	return nil
}

// blank checks what all new volumes have in common.
func (h *Host) blank(spec virt.VolumeSpec) (*volume, error) {
	pool, err := h.pool(spec.Pool)
	if err != nil {
		return nil, err
	}
	if spec.Name == "" || spec.Name == "." || spec.Name == ".." || strings.ContainsAny(spec.Name, "/\x00\n") {
		return nil, fmt.Errorf("%w: name %q", virt.ErrInvalid, spec.Name)
	}
	if spec.Format != virt.VolumeQCOW2 && spec.Format != virt.VolumeRaw {
		return nil, fmt.Errorf("%w: format %q", virt.ErrInvalid, spec.Format)
	}
	if _, ok := h.volumes[spec.VolumeRef]; ok {
		return nil, virt.ErrExists
	}
	return &volume{
		Volume:  virt.Volume{VolumeRef: spec.VolumeRef, Path: pool.Path + "/" + spec.Name, Format: spec.Format},
		private: spec.Private,
	}, nil
}

func (h *Host) checkSpace(pool string, bytes int64) error {
	p, err := h.pool(pool)
	if err != nil {
		return err
	}
	if bytes > p.AvailableBytes {
		return virt.ErrNoSpace
	}
	return nil
}

// DeleteVolume implements virt.Volumes.
func (h *Host) DeleteVolume(ctx context.Context, ref virt.VolumeRef) error {
	_, err := call(ctx, h, MethodDeleteVolume, func() (struct{}, error) {
		if err := h.remove(ref); err != nil {
			return struct{}{}, fmt.Errorf("delete volume %q in pool %q: %w", ref.Name, ref.Pool, err)
		}
		return struct{}{}, nil
	})
	return err
}

func (h *Host) remove(ref virt.VolumeRef) error {
	if _, err := h.pool(ref.Pool); err != nil {
		return err
	}
	v, ok := h.volumes[ref]
	if !ok {
		return nil
	}
	if v.writing {
		return virt.ErrBusy
	}
	for _, other := range h.volumes {
		if other.BackingPath == v.Path {
			return fmt.Errorf("volume %q stands on it: %w", other.Name, virt.ErrInUse)
		}
	}
	for _, d := range h.domains {
		if d.configPath == v.Path || slices.Contains(d.diskPaths, v.Path) {
			return fmt.Errorf("domain %q uses it: %w", d.spec.Name, virt.ErrInUse)
		}
	}
	delete(h.volumes, ref)
	return nil
}
