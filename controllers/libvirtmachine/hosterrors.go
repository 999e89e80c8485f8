// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// When to look again where no event tells. Changes of the LibvirtHost wake its machines earlier.
const (
	retryUnreachable = 30 * time.Second
	retryBusy        = 5 * time.Second
	retrySlow        = time.Minute
)

// connect reaches the machine's host.
func (r *Reconciler) connect(ctx context.Context, s *scope) error {
	if s.conn != nil {
		return nil
	}
	conn, err := r.Hosts.Connect(ctx, s.host)
	if errors.Is(err, virt.ErrInvalid) || errors.Is(err, virt.ErrUnsupported) {
		// A URI or a key that cannot be used is a fault of the LibvirtHost; the machine waits until it is corrected.
		return unusable(s, err)
	}
	if err != nil {
		return hostError(s, err)
	}
	s.conn = conn
	return nil
}

// hostError says what an error of the host means for the machine. rejected is the reason for what the host can never
// do; it is DomainRejected unless given.
func hostError(s *scope, err error, rejected ...string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, virt.ErrUnreachable), errors.Is(err, context.DeadlineExceeded):
		return s.unobserved(retryUnreachable, "host %q does not answer: %s", err)
	case errors.Is(err, virt.ErrAuthentication):
		return unusable(s, err)
	case errors.Is(err, virt.ErrNoPool):
		return outcome.Blockedf(infrav1.LibvirtMachineStoragePoolMissingReason, retrySlow,
			"host %q has no storage pool %q; define and start it there", s.lm.Spec.Host, s.pool())
	case errors.Is(err, virt.ErrForeign):
		return outcome.Blockedf(infrav1.LibvirtMachineForeignDomainReason, retrySlow, "%s", err)
	case errors.Is(err, virt.ErrNoSpace):
		return outcome.Blockedf(infrav1.LibvirtMachineStorageFullReason, retrySlow, "%s", err)
	case errors.Is(err, virt.ErrBusy), errors.Is(err, virt.ErrInUse):
		return outcome.Waitf(infrav1.LibvirtMachineFailedReason, retryBusy, "%s", err)
	case errors.Is(err, virt.ErrInvalid), errors.Is(err, virt.ErrUnsupported):
		reason := infrav1.LibvirtMachineDomainRejectedReason
		if len(rejected) > 0 {
			reason = rejected[0]
		}
		return &outcome.Terminal{Reason: reason, Err: err}
	}
	return err
}

func unusable(s *scope, err error) error {
	return s.unobserved(retrySlow, "host %q cannot be used: %s", err)
}

// unobserved tells that nothing is known of what is on the host.
func (s *scope) unobserved(after time.Duration, format string, err error) error {
	return &outcome.Blocked{
		Reason:  infrav1.LibvirtMachineHostUnreachableReason,
		Message: fmt.Sprintf(format, s.lm.Spec.Host, err),
		After:   after,
		Unknown: true,
	}
}

// isAbsent says that the host has no such volume or domain. Of a pool that is absent nothing can be said.
func isAbsent(err error) bool {
	return errors.Is(err, virt.ErrNotFound) && !errors.Is(err, virt.ErrNoPool)
}

// pool is the storage pool of the machine's volumes. place has stored it before there were any.
func (s *scope) pool() string { return poolOf(s.lm, s.host) }

func poolOf(lm *infrav1.LibvirtMachine, host *infrav1.LibvirtHost) string {
	return cmp.Or(lm.Spec.StoragePool, inventory.StoragePool(host))
}

func (s *scope) volume(name string) virt.VolumeRef { return virt.VolumeRef{Pool: s.pool(), Name: name} }
