// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"context"
	"errors"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/imagecache"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// Images imports images to hosts; *imagecache.Cache implements it.
type Images interface {
	// Lookup returns the image if it is on the host, virt.ErrNotFound otherwise.
	Lookup(ctx context.Context, volumes virt.Volumes, request imagecache.Request) (virt.Volume, error)
	// Ensure imports the image to the host.
	Ensure(ctx context.Context, volumes virt.Volumes, request imagecache.Request) (virt.Volume, error)
}

// EnsureImage imports the image into the pool of the machine's host, in the background.
func (m *Machine) EnsureImage(ctx context.Context) error {
	if m.Domain != nil {
		return nil
	}
	image := m.Object.Spec.Image
	if image.Volume != "" {
		return m.useVolume(ctx, image.Volume)
	}
	request := imagecache.Request{Host: m.Object.Spec.Host, Pool: m.pool(), URL: image.URL, SHA256: image.SHA256}
	volume, err := m.Images.Lookup(ctx, m.conn, request)
	if isAbsent(err) {
		if err := m.importImage(request); err != nil {
			return err
		}
		volume, err = m.Images.Lookup(ctx, m.conn, request)
	}
	m.image = volume
	return m.imageError(err)
}

// useVolume uses a volume that was put into the pool by hand. Its content is checked, since the hypervisor would hand any
// file to the guest. The file may be replaced at any time without an event, so an error is checked again.
func (m *Machine) useVolume(ctx context.Context, name string) error {
	volume, err := m.conn.Volume(ctx, m.volume(name))
	var header []byte
	if err == nil {
		header, err = m.conn.ReadVolume(ctx, m.volume(name), imagecache.HeaderBytes)
	}
	if isAbsent(err) {
		return outcome.Blockedf(infrav1.LibvirtMachineImageUnavailableReason, retrySlow,
			"volume %q does not exist in pool %q on host %q; put a disk image there, or name another volume", name, m.pool(), m.Object.Spec.Host)
	}
	if err != nil {
		return m.hostError(err)
	}
	if err := imagecache.CheckVolume(header); err != nil {
		return outcome.Blockedf(infrav1.LibvirtMachineImageInvalidReason, retrySlow,
			"volume %q in pool %q on host %q: %s; put a disk image there, or name another volume", name, m.pool(), m.Object.Spec.Host, err)
	}
	m.image = volume
	return nil
}

// imageError turns an error of the image into an outcome.
func (m *Machine) imageError(err error) error {
	_, unreadable := errors.AsType[*imagecache.SourceError](err)
	switch {
	case err == nil:
		return nil
	case isHopeless(err):
		return &outcome.Terminal{Reason: infrav1.LibvirtMachineImageInvalidReason, Err: err}
	case unreadable:
		return outcome.Blockedf(infrav1.LibvirtMachineImageUnavailableReason, retrySlow, "%s", err)
	case errors.Is(err, virt.ErrBusy):
		return outcome.Waitf(infrav1.LibvirtMachineImageImportingReason, retryBusy, "%s", err)
	}
	return m.hostError(err, infrav1.LibvirtMachineImageInvalidReason)
}

// isHopeless reports whether only another image in the spec can help.
func isHopeless(err error) bool {
	_, mismatch := errors.AsType[*imagecache.DigestMismatchError](err)
	return mismatch || errors.Is(err, imagecache.ErrNotAnImage) || errors.Is(err, imagecache.ErrInvalidRequest) ||
		errors.Is(err, imagecache.ErrTooLarge)
}
