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

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

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
