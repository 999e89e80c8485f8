// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirt

import (
	"context"
	"fmt"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// ReadVolume implements virt.Volumes.
func (h *host) ReadVolume(ctx context.Context, ref virt.VolumeRef, limit int) ([]byte, error) {
	start, err := h.readVolume(ctx, ref, limit)
	if err != nil {
		return nil, fmt.Errorf("read start of volume %q in pool %q of host %q: %w", ref.Name, ref.Pool, h.name, err)
	}
	return start, nil
}

func (h *host) readVolume(ctx context.Context, ref virt.VolumeRef, limit int) ([]byte, error) {
	found, err := h.lookupVolume(ctx, ref)
	if err != nil {
		return nil, err
	}
	v, err := h.describeVolume(ctx, found)
	if err != nil {
		return nil, err
	}
	want := min(int64(limit), v.PhysicalBytes)
	if want <= 0 { // libvirt would send all that there is
		return nil, nil
	}
	return h.Download(ctx, found, want)
}
