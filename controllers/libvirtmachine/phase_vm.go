// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"context"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
)

// The phases of package vm, in the order in which they run.

func findDomain(ctx context.Context, s *scope) error { return s.vm.Find(ctx, s.wasProvisioned()) }

func checkBridges(ctx context.Context, s *scope) error { return s.vm.CheckBridges(ctx) }

func ensureImage(ctx context.Context, s *scope) error { return s.vm.EnsureImage(ctx) }

func ensureVolumes(ctx context.Context, s *scope) error { return s.vm.EnsureVolumes(ctx) }

func ensureDomain(ctx context.Context, s *scope) error { return s.vm.EnsureDomain(ctx) }

// removeBootstrapData removes the config with its secrets from the host once the node has joined: it is read only on the
// first boot.
func removeBootstrapData(ctx context.Context, s *scope) error {
	if !s.hasNode() {
		return outcome.Waitf(infrav1.LibvirtMachineWaitingForNodeReason, 0, "the machine has not joined its cluster yet")
	}
	return s.vm.RemoveBootstrapData(ctx)
}

// cancelTasks is the first phase of a deletion.
func cancelTasks(_ context.Context, s *scope) error { return s.vm.CancelTasks() }
