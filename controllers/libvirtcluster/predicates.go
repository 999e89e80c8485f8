// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster

import (
	"slices"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/machinerole"
	"github.com/altcos/cluster-api-provider-altcos/internal/watch"
)

// backendChanged passes changes of backends: control plane machines that get an address, are being deleted, or are gone. The
// end of any machine passes too, since the deletion of a cluster waits for it.
func backendChanged() predicate.Predicate {
	changed := watch.Updates(func(before, after *infrav1.LibvirtMachine) bool {
		return machinerole.IsControlPlane(after) &&
			(!slices.Equal(before.Status.Addresses, after.Status.Addresses) ||
				before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
				machinerole.IsControlPlane(before) != machinerole.IsControlPlane(after))
	})
	return predicate.Funcs{
		CreateFunc:  func(e event.CreateEvent) bool { return machinerole.IsControlPlane(e.Object) },
		UpdateFunc:  changed.Update,
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

// fitnessChanged passes hosts whose fitness for machines or load balancers changed.
func fitnessChanged() predicate.Predicate {
	return watch.Updates(func(before, after *infrav1.LibvirtHost) bool {
		return before.Generation != after.Generation ||
			!apiequality.Semantic.DeepEqual(before.Labels, after.Labels) ||
			watch.ConditionChanged(before, after, infrav1.ReadyCondition, infrav1.LibvirtHostLoadBalancerReadyCondition) ||
			!apiequality.Semantic.DeepEqual(before.Status.BridgeAddresses, after.Status.BridgeAddresses)
	})
}
