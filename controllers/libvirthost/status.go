// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirthost

import (
	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/phase"
)

// Conditions of the checks.
const (
	reachable         = infrav1.LibvirtHostReachableCondition
	networkReady      = infrav1.LibvirtHostNetworkReadyCondition
	storageReady      = infrav1.LibvirtHostStorageReadyCondition
	loadBalancerReady = infrav1.LibvirtHostLoadBalancerReadyCondition
)

// conditionTable declares the conditions. LoadBalancerReady is not counted, since machines can run without it, and lasts, so
// that a host that does not answer stays a member of load balancers.
func conditionTable() phase.Table {
	return phase.Table{
		Rows: []phase.Row{
			{Condition: reachable},
			{Condition: networkReady},
			{Condition: storageReady},
			{Condition: loadBalancerReady, Optional: true},
		},
		Done:     infrav1.LibvirtHostReadyReason,
		Waiting:  infrav1.LibvirtHostWaitingReason,
		Failed:   infrav1.LibvirtHostCheckFailedReason,
		Deleting: infrav1.LibvirtHostInUseReason,
	}
}
