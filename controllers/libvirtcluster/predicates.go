// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster

import (
	"slices"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

// specChanged passes what others write. Our own status must not wake us: a host that fails would be tried again at once,
// and each try may reload services there. The owner comes without a change of the generation.
func specChanged() predicate.Predicate {
	owners := predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return !apiequality.Semantic.DeepEqual(e.ObjectOld.GetOwnerReferences(), e.ObjectNew.GetOwnerReferences())
	}}
	return predicate.Or(predicate.GenerationChangedPredicate{}, predicate.LabelChangedPredicate{}, predicate.AnnotationChangedPredicate{}, owners)
}

// backendChanged passes what changes the backends: control planes that get an address, are being deleted, or are gone.
// The end of any machine matters to a cluster that waits for its machines to go.
func backendChanged() predicate.Predicate {
	controlPlane := func(o client.Object) bool {
		_, ok := o.GetLabels()[clusterv1.MachineControlPlaneLabel]
		return ok
	}
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return controlPlane(e.Object) },
		DeleteFunc: func(event.DeleteEvent) bool { return true },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, ok1 := e.ObjectOld.(*infrav1.LibvirtMachine)
			after, ok2 := e.ObjectNew.(*infrav1.LibvirtMachine)
			return ok1 && ok2 && controlPlane(after) &&
				(!slices.Equal(before.Status.Addresses, after.Status.Addresses) ||
					before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
					controlPlane(before) != controlPlane(after))
		},
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

// readinessChanged passes hosts whose fitness for machines or load balancers changed.
func readinessChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok1 := e.ObjectOld.(*infrav1.LibvirtHost)
		after, ok2 := e.ObjectNew.(*infrav1.LibvirtHost)
		if !ok1 || !ok2 {
			return false
		}
		for _, name := range []string{infrav1.ReadyCondition, infrav1.LibvirtHostLoadBalancerReadyCondition} {
			if conditions.IsTrue(before, name) != conditions.IsTrue(after, name) {
				return true
			}
		}
		return !apiequality.Semantic.DeepEqual(before.Status.BridgeAddresses, after.Status.BridgeAddresses)
	}}
}
