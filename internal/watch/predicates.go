// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
)

// AllButStatus ignores status writes of the object's own controller, which would make it retry every failure at once.
// Changes that a Reconcile makes and then expects to be woken by pass: finalizer, Paused, and the spec. So does the
// resync, which changes nothing.
func AllButStatus() predicate.Predicate {
	return Updates(func(before, after client.Object) bool {
		return before.GetResourceVersion() == after.GetResourceVersion() ||
			before.GetGeneration() != after.GetGeneration() ||
			before.GetDeletionTimestamp().IsZero() != after.GetDeletionTimestamp().IsZero() ||
			!equality.Semantic.DeepEqual(before.GetLabels(), after.GetLabels()) ||
			!equality.Semantic.DeepEqual(before.GetAnnotations(), after.GetAnnotations()) ||
			!equality.Semantic.DeepEqual(before.GetOwnerReferences(), after.GetOwnerReferences()) ||
			!equality.Semantic.DeepEqual(before.GetFinalizers(), after.GetFinalizers()) ||
			!samePause(before, after)
	})
}

// samePause compares what EnsurePausedCondition of Cluster API writes, after which it relies on being woken.
func samePause(before, after client.Object) bool {
	a, b := condition(before, clusterv1.PausedCondition), condition(after, clusterv1.PausedCondition)
	return a.Status == b.Status && a.Reason == b.Reason && a.Message == b.Message
}

// ConditionChanged reports whether the status of one of the conditions differs.
func ConditionChanged(before, after client.Object, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return condition(before, name).Status != condition(after, name).Status })
}

func condition(o client.Object, name string) metav1.Condition {
	if getter, ok := o.(conditions.Getter); ok {
		if found := conditions.Get(getter, name); found != nil {
			return *found
		}
	}
	return metav1.Condition{Status: metav1.ConditionUnknown}
}

// Updates passes updates that matter, and everything else.
func Updates[T client.Object](matters func(before, after T) bool) predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(T)
		after, ok2 := e.ObjectNew.(T)
		return ok && ok2 && matters(before, after)
	}}
}

// Deletions passes only the end of objects.
func Deletions() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		UpdateFunc:  func(event.UpdateEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

// Creations passes only new objects that match.
func Creations(matches func(client.Object) bool) predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(e event.CreateEvent) bool { return matches(e.Object) },
		UpdateFunc:  func(event.UpdateEvent) bool { return false },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}
