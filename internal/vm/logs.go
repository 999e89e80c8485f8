// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/altcos/cluster-api-provider-altcos/internal/event"
	"github.com/altcos/cluster-api-provider-altcos/internal/hostprep"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

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
