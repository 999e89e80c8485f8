// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package virt

import (
	"context"
	"io"
)

// Volumes are the files of a host's storage pools.
type Volumes interface {
	// Volume returns a volume. Errors: ErrNotFound, ErrNoPool.
	Volume(ctx context.Context, ref VolumeRef) (Volume, error)
	// ListVolumes returns all volumes of a pool. Errors: ErrNoPool.
	ListVolumes(ctx context.Context, pool string) ([]Volume, error)
	// CreateVolume makes a volume, empty, as an overlay, or as a copy of another one, at least as large as asked and as
	// its source. Errors: ErrExists, ErrNotFound (the source), ErrNoPool, ErrNoSpace, ErrInvalid.
	CreateVolume(ctx context.Context, spec VolumeSpec) (Volume, error)
	// WriteVolume makes a volume of exactly size bytes and fills it from content over a connection of its own, then
	// compares what the host stored with size. On any error what was made is removed, as far as the host can be reached.
	// Errors: those of content, ErrExists, ErrNoPool, ErrNoSpace.
	WriteVolume(ctx context.Context, spec VolumeSpec, content io.Reader, size int64) (Volume, error)
	// ReadVolume returns the first bytes of a volume's file, at most limit of them: its header, not what a guest sees.
	// Errors: ErrNotFound, ErrNoPool, ErrBusy.
	ReadVolume(ctx context.Context, ref VolumeRef, limit int) ([]byte, error)
	// DeleteVolume removes a volume; an absent one is no error. Errors: ErrInUse when another volume of the pool is
	// backed by it or a domain uses it (libvirt itself checks neither), ErrBusy, ErrNoPool: a pool that is not there now
	// may come back with all that was in it.
	DeleteVolume(ctx context.Context, ref VolumeRef) error
}

// VolumeRef names a volume.
type VolumeRef struct {
	Pool string
	Name string
}

// VolumeFormat is the format of a volume's file.
type VolumeFormat string

// Volume formats.
const (
	VolumeQCOW2 VolumeFormat = "qcow2"
	VolumeRaw   VolumeFormat = "raw"
)

// Volume is a volume as observed, sizes in bytes.
type Volume struct {
	VolumeRef
	Path   string
	Format VolumeFormat
	// CapacityBytes is what a guest sees, PhysicalBytes the length of the file. AllocatedBytes is what the file takes of the
	// disk: it grows while a volume is written, whose length is there from the beginning.
	CapacityBytes  int64
	PhysicalBytes  int64
	AllocatedBytes int64
	// BackingPath is the file that backs an overlay, empty for none.
	BackingPath string
}

// VolumeSpec is a volume as wanted.
type VolumeSpec struct {
	VolumeRef
	Format VolumeFormat
	// CapacityBytes is what the guest sees; 0 takes the source's.
	CapacityBytes int64
	// Backing makes a thin overlay on a volume of the same pool.
	Backing *VolumeRef
	// Source makes a full copy of a volume of the same pool. At most one of Backing and Source is set.
	Source *VolumeRef
	// Private makes the file readable by root and the hypervisor only (0600); otherwise 0644.
	Private bool
}
