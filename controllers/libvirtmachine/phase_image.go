// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"context"
	"errors"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/imagecache"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// Images brings images to hosts; *imagecache.Cache does.
type Images interface {
	// Lookup returns the image if it is on the host, virt.ErrNotFound otherwise.
	Lookup(ctx context.Context, volumes virt.Volumes, request imagecache.Request) (virt.Volume, error)
	// Ensure brings the image to the host.
	Ensure(ctx context.Context, volumes virt.Volumes, request imagecache.Request) (virt.Volume, error)
}

// ensureImage brings the image to the pool of the machine's host, in the background.
func (r *Reconciler) ensureImage(ctx context.Context, s *scope) error {
	if s.domain != nil {
		return nil
	}
	image := s.lm.Spec.Image
	if image.Volume != "" {
		return s.useVolume(ctx, image.Volume)
	}
	request := imagecache.Request{Host: s.lm.Spec.Host, Pool: s.pool(), URL: image.URL, SHA256: image.SHA256}
	volume, err := r.Images.Lookup(ctx, s.conn, request)
	if isAbsent(err) {
		if err := r.importImage(s, request); err != nil {
			return err
		}
		volume, err = r.Images.Lookup(ctx, s.conn, request)
	}
	s.image = volume
	return imageError(s, err)
}

// useVolume takes a volume that somebody put into the pool. Its name says nothing about what is in it, and the hypervisor
// would show a guest anything. Another file may come under the same name at any time, without an event.
func (s *scope) useVolume(ctx context.Context, name string) error {
	volume, err := s.conn.Volume(ctx, s.volume(name))
	var header []byte
	if err == nil {
		header, err = s.conn.ReadVolume(ctx, s.volume(name), imagecache.HeaderBytes)
	}
	if isAbsent(err) {
		return outcome.Blockedf(infrav1.LibvirtMachineImageUnavailableReason, retrySlow,
			"host %q has no volume %q in pool %q", s.lm.Spec.Host, name, s.pool())
	}
	if err != nil {
		return hostError(s, err)
	}
	if err := imagecache.CheckVolume(header); err != nil {
		return outcome.Blockedf(infrav1.LibvirtMachineImageInvalidReason, retrySlow,
			"volume %q in pool %q on host %q: %s; put a disk image there, or name another volume", name, s.pool(), s.lm.Spec.Host, err)
	}
	s.image = volume
	return nil
}

// imageError says what an error of the image means for the machine.
func imageError(s *scope, err error) error {
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
	return hostError(s, err, infrav1.LibvirtMachineImageInvalidReason)
}

// isHopeless says that only another image in the spec can help.
func isHopeless(err error) bool {
	_, mismatch := errors.AsType[*imagecache.DigestMismatchError](err)
	return mismatch || errors.Is(err, imagecache.ErrNotAnImage) || errors.Is(err, imagecache.ErrInvalidRequest) ||
		errors.Is(err, imagecache.ErrTooLarge)
}
