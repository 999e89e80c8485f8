// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	rpc "github.com/digitalocean/go-libvirt"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// WriteVolume implements virt.Volumes.
func (h *host) WriteVolume(ctx context.Context, spec virt.VolumeSpec, content io.Reader, size int64) (virt.Volume, error) {
	v, err := h.writeVolume(ctx, spec, content, size)
	if err != nil {
		return virt.Volume{}, fmt.Errorf("write volume %q in pool %q of host %q: %w", spec.Name, spec.Pool, h.name, err)
	}
	return v, nil
}

func (h *host) writeVolume(ctx context.Context, spec virt.VolumeSpec, content io.Reader, size int64) (virt.Volume, error) {
	if spec.Backing != nil || spec.Source != nil || size <= 0 {
		return virt.Volume{}, fmt.Errorf("%w: content of %d bytes, or with a backing or source", virt.ErrInvalid, size)
	}
	spec.CapacityBytes = size
	if err := checkVolume(spec); err != nil {
		return virt.Volume{}, err
	}
	pool, err := h.lookupPool(ctx, spec.Pool)
	if err != nil {
		return virt.Volume{}, err
	}
	if err := h.checkSpace(ctx, pool, size); err != nil {
		return virt.Volume{}, err
	}
	// A raw volume is a file of exactly its capacity; a qcow2 one would have a header and a size of its own.
	blank := spec
	blank.Format = virt.VolumeRaw
	created, err := h.create(ctx, pool, describe(blank))
	if err != nil {
		return virt.Volume{}, err
	}
	v, err := h.fill(ctx, pool, created, spec, content, size)
	if err != nil {
		return virt.Volume{}, errors.Join(err, h.discard(context.WithoutCancel(ctx), spec.VolumeRef, h.Limits.Cleanup))
	}
	return v, nil
}

// fill transfers the content and compares what the host has with it.
func (h *host) fill(
	ctx context.Context, pool rpc.StoragePool, created rpc.StorageVol, spec virt.VolumeSpec, content io.Reader, size int64,
) (virt.Volume, error) {
	if err := h.Upload(ctx, created, content, size, checkImage); err != nil {
		return virt.Volume{}, h.explain(ctx, pool, err)
	}
	if spec.Format == virt.VolumeQCOW2 {
		// libvirt learns from a refresh only that the file is an image, and how large the disk in it.
		if err := h.refresh(ctx, pool, patient); err != nil {
			return virt.Volume{}, err
		}
	}
	v, err := h.volume(ctx, spec.VolumeRef)
	if err != nil {
		return virt.Volume{}, err
	}
	if v.PhysicalBytes != size {
		return virt.Volume{}, fmt.Errorf("host has stored %d of %d bytes", v.PhysicalBytes, size)
	}
	return v, nil
}

// checkImage refuses a qcow2 image that names other files: QEMU would open them on the host and show them to the guest.
// The offsets are those of the header in QEMU's docs/interop/qcow2.txt.
func checkImage(start []byte) error {
	const (
		magic             = "QFI\xfb"
		headerBytes       = 80
		externalDataFile  = 1 << 2
		versionOffset     = 4
		backingFileOffset = 8
		featuresOffset    = 72
	)
	if len(start) < headerBytes || string(start[:len(magic)]) != magic {
		return nil
	}
	if binary.BigEndian.Uint64(start[backingFileOffset:]) != 0 {
		return fmt.Errorf("%w: image has a backing file", virt.ErrInvalid)
	}
	version := binary.BigEndian.Uint32(start[versionOffset:])
	if version >= 3 && binary.BigEndian.Uint64(start[featuresOffset:])&externalDataFile != 0 {
		return fmt.Errorf("%w: image has an external data file", virt.ErrInvalid)
	}
	return nil
}
