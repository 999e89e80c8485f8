// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/event"
	"github.com/altcos/cluster-api-provider-altcos/internal/hostprep"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// IsGivenUp reports whether a person declared the machine's host lost.
func IsGivenUp(lm *infrav1.LibvirtMachine) bool {
	return lm.Spec.Host != "" && lm.Annotations[infrav1.ForgetHostAnnotation] == lm.Spec.Host
}

// Remove removes domain, then volumes and logs, once they are proven to be the machine's. If the host is given up, what
// cannot be reached there, or was in a missing pool, is left behind.
func (m *Machine) Remove(ctx context.Context) error {
	err := m.remove(ctx)
	blocked, ok := outcome.AsBlocked(err)
	if !ok || !IsGivenUp(m.Object) {
		return err
	}
	switch blocked.Reason {
	case infrav1.LibvirtMachineHostUnreachableReason, infrav1.LibvirtMachineStoragePoolMissingReason:
		ctrl.LoggerFrom(ctx).Info("Leaving the machine's resources on its host", "LibvirtHost", m.Object.Spec.Host, "because", blocked.Message)
		return nil
	}
	return err
}

func (m *Machine) remove(ctx context.Context) error {
	if err := m.connect(ctx); err != nil {
		return err
	}
	err := m.conn.RemoveDomain(ctx, m.UUID, m.owner())
	if errors.Is(err, virt.ErrNotOwned) { // our domain was never defined
		domain, err := m.conn.Domain(ctx, m.UUID)
		if err != nil {
			return m.hostError(err)
		}
		if domain.Owner.UID == m.UUID { // its volumes have the same names as ours would
			ctrl.LoggerFrom(ctx).Info("Keeping the virtual machine, the object is a copy of its owner", "domain", domain.Name, "owner", domain.Owner)
			return nil
		}
	} else if err != nil {
		return m.hostError(err)
	}
	defined := err == nil
	err = m.removeVolumes(ctx)
	if blocked, ok := outcome.AsBlocked(err); ok && blocked.Reason == infrav1.LibvirtMachineStoragePoolMissingReason && IsGivenUp(m.Object) {
		err = nil // only the volumes are given up, not the logs
	}
	if err != nil || !defined {
		return err
	}
	return m.removeLogs(ctx)
}

// removeVolumes removes everything in the machine's pool that has its name.
func (m *Machine) removeVolumes(ctx context.Context) error {
	volumes, err := m.conn.ListVolumes(ctx, m.pool())
	if errors.Is(err, virt.ErrNoPool) { // if the pool comes back, so do the machine's disks and secrets
		return outcome.Blockedf(infrav1.LibvirtMachineStoragePoolMissingReason, retrySlow,
			"host %q has no storage pool %q, so the machine's volumes in it cannot be removed; define and start it, or abandon them with annotation %s=%s",
			m.Object.Spec.Host, m.pool(), infrav1.ForgetHostAnnotation, m.Object.Spec.Host)
	}
	if err != nil {
		return m.hostError(err)
	}
	var errs []error
	for _, v := range volumes {
		if isVolumeOf(m.UUID, v.Name) {
			errs = append(errs, m.hostError(m.conn.DeleteVolume(ctx, v.VolumeRef)))
		}
	}
	return errors.Join(errs...)
}

// removeLogs removes libvirt's logs of the domain. Like the removal of the domain it waits for a host that does not answer.
// A host without a shell keeps the logs, and one that refuses to remove them does not block the deletion: they take little
// space, and an event reports them.
func (m *Machine) removeLogs(ctx context.Context) error {
	shell, err := m.Hosts.Shell(ctx, m.Host)
	if errors.Is(err, virt.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return m.hostError(err)
	}
	name := domainName(m.Object.Namespace, m.Object.Name, m.UUID)
	err = hostprep.RemoveLogs(ctx, shell, name)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, virt.ErrUnreachable), errors.Is(err, virt.ErrAuthentication), ctx.Err() != nil:
		return m.hostError(err)
	}
	ctrl.LoggerFrom(ctx).Error(err, "Leaving the domain's logs on its host", "domain", name)
	event.Emit(m.Recorder, m.Object, corev1.EventTypeWarning, "LogsRemain", "Delete",
		fmt.Sprintf("the logs of domain %q remain in /var/log/libvirt/qemu on host %q, remove them by hand: %v", name, m.Object.Spec.Host, err))
	return nil
}
