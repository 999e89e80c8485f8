// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"bytes"
	"context"
	"fmt"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// ensureVolumes makes the machine's disks and its Ignition config. As long as there is no domain nothing of them has
// been used, so leftovers of an attempt that broke off are made anew rather than trusted. A domain is only defined after
// all of them are whole, so when there is one nothing is touched, whatever has become of the bootstrap data since.
func (r *Reconciler) ensureVolumes(ctx context.Context, s *scope) error {
	if s.domain != nil {
		return nil
	}
	if err := r.ensureRoot(ctx, s); err != nil {
		return err
	}
	for _, disk := range s.lm.Spec.DataDisks {
		spec := virt.VolumeSpec{
			VolumeRef:     s.volume(dataVolume(s.uuid, disk.Name)),
			Format:        virt.VolumeQCOW2,
			CapacityBytes: disk.Size.Value(),
			Private:       true,
		}
		if err := ensureVolume(ctx, s, spec, ""); err != nil {
			return err
		}
	}
	return writeIgnition(ctx, s)
}

// rootSpec is the root disk as wanted: an overlay on the image, or a copy of it.
func (s *scope) rootSpec() virt.VolumeSpec {
	spec := virt.VolumeSpec{
		VolumeRef: s.volume(rootVolume(s.uuid)),
		Format:    virt.VolumeQCOW2,
		Private:   true,
	}
	if size := s.lm.Spec.RootDisk.Size; size != nil {
		spec.CapacityBytes = size.Value()
	}
	image := s.image.VolumeRef
	if s.lm.Spec.RootDisk.Provisioning == infrav1.DiskCopy {
		spec.Source = &image
	} else {
		spec.Backing = &image
	}
	return spec
}

func (r *Reconciler) ensureRoot(ctx context.Context, s *scope) error {
	spec := s.rootSpec()
	if spec.Source != nil {
		return r.copyRoot(ctx, s, spec)
	}
	return ensureVolume(ctx, s, spec, s.image.Path)
}

// ensureVolume makes a volume that is quick to make. One that is there already is kept if it stands on the right file.
func ensureVolume(ctx context.Context, s *scope, spec virt.VolumeSpec, backing string) error {
	there, err := s.conn.Volume(ctx, spec.VolumeRef)
	switch {
	case err == nil && there.Format == spec.Format && there.BackingPath == backing && there.CapacityBytes >= spec.CapacityBytes:
		return nil
	case err == nil:
		if err := s.conn.DeleteVolume(ctx, spec.VolumeRef); err != nil {
			return hostError(s, err)
		}
	case !isAbsent(err):
		return hostError(s, err)
	}
	if _, err := s.conn.CreateVolume(ctx, spec); err != nil {
		return hostError(s, err, infrav1.LibvirtMachineImageInvalidReason)
	}
	return nil
}

// writeIgnition stores the config. One that is there may be half of one, or be from older bootstrap data.
func writeIgnition(ctx context.Context, s *scope) error {
	ref := s.volume(ignitionVolume(s.uuid))
	if err := s.conn.DeleteVolume(ctx, ref); err != nil {
		return hostError(s, fmt.Errorf("replace Ignition config: %w", err))
	}
	spec := virt.VolumeSpec{
		VolumeRef: ref, Format: virt.VolumeRaw, CapacityBytes: int64(len(s.ignition)), Private: true,
	}
	if _, err := s.conn.WriteVolume(ctx, spec, bytes.NewReader(s.ignition), int64(len(s.ignition))); err != nil {
		return hostError(s, err)
	}
	return nil
}
