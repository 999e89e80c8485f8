// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"context"
	"fmt"

	"k8s.io/utils/ptr"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/providerid"
)

// awaitInputs waits for the cluster's infrastructure and for bootstrap data. A machine that ran already needs neither:
// after clusterctl moved it, both may come later than its reconciliation.
func (r *Reconciler) awaitInputs(_ context.Context, s *scope) error {
	switch {
	case s.wasProvisioned():
		return nil
	case s.infra == nil:
		return outcome.Waitf(infrav1.LibvirtMachineWaitingForClusterReason, 0, "the cluster has no LibvirtCluster yet")
	case !ptr.Deref(s.cluster.Status.Initialization.InfrastructureProvisioned, false):
		return outcome.Waitf(infrav1.LibvirtMachineWaitingForClusterReason, 0, "LibvirtCluster %q is not provisioned yet", s.infra.Name)
	case s.machine.Spec.Bootstrap.DataSecretName == nil:
		return outcome.Waitf(infrav1.LibvirtMachineWaitingForBootstrapDataReason, 0, "the bootstrap provider has not written its data yet")
	}
	return nil
}

// identify gives the machine its identity for life: the UUID of its domain is the UID of the first object that stood
// for it. spec survives clusterctl move, the UID does not.
func (r *Reconciler) identify(ctx context.Context, s *scope) error {
	s.providerID = s.lm.Spec.ProviderID
	isNew := s.providerID == ""
	if isNew {
		id, err := providerid.New(string(s.lm.UID))
		if err != nil {
			return fmt.Errorf("identify LibvirtMachine %q: %w", s.lm.Name, err)
		}
		s.providerID = id // place stores it
	}
	uuid, err := providerid.Parse(s.providerID)
	if err != nil {
		return outcome.Terminalf(infrav1.LibvirtMachineFailedReason, "read identity: %w", err)
	}
	s.vm.UUID = uuid
	if isNew {
		return nil
	}
	original, err := r.original(ctx, s)
	if err != nil || original == nil {
		return err
	}
	return outcome.Blockedf(infrav1.LibvirtMachineDomainNotOwnedReason, retrySlow,
		"providerID %q is that of LibvirtMachine %q in namespace %q, of which this object is a copy; delete it, or make a new one without providerID and host",
		s.providerID, original.Name, original.Namespace)
}

// hostname is the name of the machine's node. Cluster API requires no particular one; people expect the Machine's.
func (s *scope) hostname() string {
	if s.machine != nil {
		return s.machine.Name
	}
	return s.lm.Name
}
