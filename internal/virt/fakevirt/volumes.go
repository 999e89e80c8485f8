// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fakevirt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
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

// WriteVolume implements virt.Volumes. While content is read the volume is there and takes ever more of the disk, as with
// libvirt.
func (h *Host) WriteVolume(ctx context.Context, spec virt.VolumeSpec, content io.Reader, size int64) (virt.Volume, error) {
	wrap := func(err error) error {
		return fmt.Errorf("write volume %q in pool %q: %w", spec.Name, spec.Pool, err)
	}
	after, err := h.enter(ctx, MethodWriteVolume)
	if err != nil {
		return virt.Volume{}, wrap(err)
	}
	v, err := h.beginWrite(spec, size)
	if err != nil {
		return virt.Volume{}, wrap(err)
	}
	if err := h.fill(ctx, v, content, size); err != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		// A host that is gone keeps the remains.
		if v.writing = false; !h.unreachable {
			delete(h.volumes, spec.VolumeRef)
		}
		return virt.Volume{}, wrap(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	v.writing = false
	v.probe()
	if after != nil {
		return virt.Volume{}, wrap(after)
	}
	return v.Volume, nil
}

func (h *Host) beginWrite(spec virt.VolumeSpec, size int64) (*volume, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if size < 0 || spec.Backing != nil || spec.Source != nil {
		return nil, fmt.Errorf("%w: size %d, backing or source of content", virt.ErrInvalid, size)
	}
	v, err := h.blank(spec)
	if err != nil {
		return nil, err
	}
	if err := h.checkSpace(spec.Pool, size); err != nil {
		return nil, err
	}
	v.CapacityBytes, v.PhysicalBytes, v.writing = size, size, true
	h.volumes[spec.VolumeRef] = v
	return v, nil
}

// fill reads in a goroutine of its own, so that a reader that hangs cannot outlive the context of the call.
func (h *Host) fill(ctx context.Context, v *volume, content io.Reader, size int64) error {
	done := make(chan error, 1)
	go func() { done <- h.copyContent(ctx, v, content, size) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *Host) copyContent(ctx context.Context, v *volume, content io.Reader, size int64) error {
	buffer := make([]byte, 64<<10)
	for written := int64(0); ; {
		n, err := content.Read(buffer)
		if written += int64(n); written > size {
			return fmt.Errorf("%w: content is longer than %d bytes", virt.ErrInvalid, size)
		}
		h.mu.Lock()
		v.content = append(v.content, buffer[:n]...)
		v.AllocatedBytes = written
		unreachable := h.unreachable
		h.mu.Unlock()
		switch {
		case unreachable:
			return virt.ErrUnreachable
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF) && written == size:
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("content has %d of %d bytes: %w", written, size, io.ErrUnexpectedEOF)
		case err != nil:
			return err
		}
	}
}

// probe reads format and capacity from the content, as libvirt does: a file that does not look like qcow2 is raw.
func (v *volume) probe() {
	if v.Format != virt.VolumeQCOW2 {
		return
	}
	if len(v.content) >= 32 && string(v.content[:4]) == "QFI\xfb" {
		v.CapacityBytes = int64(binary.BigEndian.Uint64(v.content[24:32]))
		return
	}
	v.Format = virt.VolumeRaw
}

// ReadVolume implements virt.Volumes.
func (h *Host) ReadVolume(ctx context.Context, ref virt.VolumeRef, limit int) ([]byte, error) {
	return call(ctx, h, MethodReadVolume, func() ([]byte, error) {
		if _, err := h.pool(ref.Pool); err != nil {
			return nil, err
		}
		v, ok := h.volumes[ref]
		if !ok {
			return nil, fmt.Errorf("read start of volume %q in pool %q: %w", ref.Name, ref.Pool, virt.ErrNotFound)
		}
		content := v.content
		if v.Format == virt.VolumeQCOW2 && len(content) == 0 {
			content = v.header()
		}
		return slices.Clone(content[:min(limit, len(content))]), nil
	})
}

// header is what an image begins with that was made and not written.
func (v *volume) header() []byte {
	header := make([]byte, 512)
	copy(header, "QFI\xfb")
	be := binary.BigEndian
	be.PutUint32(header[4:], 3)
	if v.BackingPath != "" {
		be.PutUint64(header[8:], 256) // where its name is
		be.PutUint32(header[16:], uint32(len(v.BackingPath)))
	}
	be.PutUint32(header[20:], 16) // cluster bits
	be.PutUint64(header[24:], uint64(v.CapacityBytes))
	return header
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
