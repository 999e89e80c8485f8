// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcosbootstrapconfig

import (
	"k8s.io/utils/ptr"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/phase"
)

// Conditions of the phases, in their order.
const (
	kubeadmDataReady    = bootstrapv1.AltcosBootstrapConfigKubeadmDataReadyCondition
	dataSecretAvailable = bootstrapv1.AltcosBootstrapConfigDataSecretAvailableCondition
)

func conditionTable() phase.Table {
	return phase.Table{
		Rows:     []phase.Row{{Condition: kubeadmDataReady}, {Condition: dataSecretAvailable}},
		Done:     bootstrapv1.AltcosBootstrapConfigReadyReason,
		Waiting:  bootstrapv1.AltcosBootstrapConfigWaitingReason,
		Failed:   bootstrapv1.AltcosBootstrapConfigFailedReason,
		Deleting: bootstrapv1.AltcosBootstrapConfigWaitingReason, // unused: deletion is not reconciled
	}
}

// describe writes the status except for the conditions.
func (s *scope) describe() {
	s.config.Status.ObservedGeneration = s.config.Generation
	if s.record.Done(dataSecretAvailable) {
		s.config.Status.Initialization.DataSecretCreated = ptr.To(true)
	}
}
