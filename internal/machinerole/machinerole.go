// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package machinerole tells machines of a control plane from others, for Machines and what is made for them alike.
package machinerole

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// IsControlPlane reports whether the machine runs a control plane. Cluster API copies the label from the Machine to what
// is cloned for it.
func IsControlPlane(machine metav1.Object) bool {
	_, ok := machine.GetLabels()[clusterv1.MachineControlPlaneLabel]
	return ok
}
