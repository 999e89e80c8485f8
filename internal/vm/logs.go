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

// removeLogs removes what libvirt logged about the machine. It waits for a host that does not answer, as the removal of the
// domain does. A host without a shell keeps the logs, and one that refuses to remove them does not hold up the deletion:
// they take little room and are told of.
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
	ctrl.LoggerFrom(ctx).Error(err, "The machine's logs stay on its host", "domain", name)
	event.Emit(m.Recorder, m.Object, corev1.EventTypeWarning, "LogsRemain", "Delete",
		fmt.Sprintf("the logs of domain %q stay in /var/log/libvirt/qemu of host %q: %v", name, m.Object.Spec.Host, err))
	return nil
}
