// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"bytes"
	"context"
	"fmt"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// EnsureVolumes creates the machine's disks and its Ignition config. Before there is a domain none of them has been used,
// so leftovers of an interrupted attempt are recreated rather than trusted. The domain is defined only after all of them
// are complete, so once it exists nothing is touched, even if the bootstrap data has changed since.
func (m *Machine) EnsureVolumes(ctx context.Context) error {
	if m.Domain != nil {
		return nil
	}
	if err := m.ensureRoot(ctx); err != nil {
		return err
	}
	for _, disk := range m.Object.Spec.DataDisks {
		spec := virt.VolumeSpec{
			VolumeRef:     m.volume(dataVolume(m.UUID, disk.Name)),
			Format:        virt.VolumeQCOW2,
			CapacityBytes: disk.Size.Value(),
			Private:       true,
		}
		if err := m.ensureVolume(ctx, spec, ""); err != nil {
			return err
		}
	}
	return m.writeIgnition(ctx)
}

// rootSpec describes the root disk: an overlay backed by the image, or a copy of it.
func (m *Machine) rootSpec() virt.VolumeSpec {
	spec := virt.VolumeSpec{
		VolumeRef: m.volume(rootVolume(m.UUID)),
		Format:    virt.VolumeQCOW2,
		Private:   true,
	}
	if size := m.Object.Spec.RootDisk.Size; size != nil {
		spec.CapacityBytes = size.Value()
	}
	image := m.image.VolumeRef
	if m.Object.Spec.RootDisk.Provisioning == infrav1.DiskCopy {
		spec.Source = &image
	} else {
		spec.Backing = &image
	}
	return spec
}

func (m *Machine) ensureRoot(ctx context.Context) error {
	spec := m.rootSpec()
	if spec.Source != nil {
		return m.copyRoot(ctx, spec)
	}
	return m.ensureVolume(ctx, spec, m.image.Path)
}

// ensureVolume creates a volume that needs no copying. An existing one is kept if it is backed by the right file.
func (m *Machine) ensureVolume(ctx context.Context, spec virt.VolumeSpec, backing string) error {
	found, err := m.conn.Volume(ctx, spec.VolumeRef)
	switch {
	case err == nil && found.Format == spec.Format && found.BackingPath == backing && found.CapacityBytes >= spec.CapacityBytes:
		return nil
	case err == nil:
		if err := m.conn.DeleteVolume(ctx, spec.VolumeRef); err != nil {
			return m.hostError(err)
		}
	case !isAbsent(err):
		return m.hostError(err)
	}
	if _, err := m.conn.CreateVolume(ctx, spec); err != nil {
		return m.hostError(err, infrav1.LibvirtMachineImageInvalidReason)
	}
	return nil
}

// writeIgnition writes the config. An existing one may be incomplete, or be from older bootstrap data, and is replaced.
func (m *Machine) writeIgnition(ctx context.Context) error {
	ref := m.volume(ignitionVolume(m.UUID))
	if err := m.conn.DeleteVolume(ctx, ref); err != nil {
		return m.hostError(fmt.Errorf("replace Ignition config: %w", err))
	}
	spec := virt.VolumeSpec{
		VolumeRef: ref, Format: virt.VolumeRaw, CapacityBytes: int64(len(m.Ignition)), Private: true,
	}
	if _, err := m.conn.WriteVolume(ctx, spec, bytes.NewReader(m.Ignition), int64(len(m.Ignition))); err != nil {
		return m.hostError(err)
	}
	return nil
}
