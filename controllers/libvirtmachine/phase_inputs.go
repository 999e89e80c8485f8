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

// awaitInputs waits for the cluster's infrastructure and for bootstrap data. A machine that has been running needs neither:
// clusterctl move may create both after it.
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

// identify determines the machine's permanent identity: the UUID of its domain is the UID of the object that created it.
// It is kept in the spec, since clusterctl move changes the UID.
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
		"providerID %q belongs to LibvirtMachine %q in namespace %q, of which this object is a copy; delete this object, and create one without spec.providerID and spec.host if you need a new machine",
		s.providerID, original.Name, original.Namespace)
}

// hostname is the name of the machine's node. Cluster API does not require a particular one; people expect the Machine's.
func (s *scope) hostname() string {
	if s.machine != nil {
		return s.machine.Name
	}
	return s.lm.Name
}
