// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"context"
	"errors"
	"fmt"
	"time"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// Requeue intervals for changes that send no event. Changes of the LibvirtHost wake its machines earlier.
const (
	retryUnreachable = 30 * time.Second
	retryBusy        = 5 * time.Second
	retrySlow        = time.Minute
)

// hostError turns an error of the host into an outcome. rejected is the reason for what the host can never do; the default
// is DomainRejected.
func (m *Machine) hostError(err error, rejected ...string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, virt.ErrUnreachable), errors.Is(err, context.DeadlineExceeded):
		return m.unobserved(retryUnreachable, "host %q does not answer: %s", err)
	case errors.Is(err, virt.ErrAuthentication):
		return m.unusable(err)
	case errors.Is(err, virt.ErrNoPool):
		return outcome.Blockedf(infrav1.LibvirtMachineStoragePoolMissingReason, retrySlow,
			"host %q has no storage pool %q; define and start it there", m.Object.Spec.Host, m.pool())
	case errors.Is(err, virt.ErrNotOwned):
		return outcome.Blockedf(infrav1.LibvirtMachineDomainNotOwnedReason, retrySlow, "%s", err)
	case errors.Is(err, virt.ErrNoSpace):
		return outcome.Blockedf(infrav1.LibvirtMachineStorageFullReason, retrySlow, "%s", err)
	case errors.Is(err, virt.ErrInUse): // what uses it is not ours, and does not end by itself
		return outcome.Blockedf(infrav1.LibvirtMachineFailedReason, retrySlow, "%s", err)
	case errors.Is(err, virt.ErrBusy):
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

func (m *Machine) unusable(err error) error {
	return m.unobserved(retrySlow, "host %q cannot be used: %s", err)
}

// unobserved reports that the state of the host is unknown.
func (m *Machine) unobserved(after time.Duration, format string, err error) error {
	return &outcome.Blocked{
		Reason:  infrav1.LibvirtMachineHostUnreachableReason,
		Message: fmt.Sprintf(format, m.Object.Spec.Host, err),
		After:   after,
		Unknown: true,
	}
}

// isAbsent reports whether the host has no such volume or domain. A missing pool does not prove that.
func isAbsent(err error) bool {
	return errors.Is(err, virt.ErrNotFound) && !errors.Is(err, virt.ErrNoPool)
}
