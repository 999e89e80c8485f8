// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/index"
	"github.com/altcos/cluster-api-provider-altcos/internal/logkeys"
	"github.com/altcos/cluster-api-provider-altcos/internal/providerid"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// find lists LibvirtMachines as requests. A list that fails is logged: the next change of the watched object, or the
// resync, finds them.
func (r *Reconciler) find(ctx context.Context, options ...client.ListOption) []reconcile.Request {
	machines := &infrav1.LibvirtMachineList{}
	if err := r.Client.List(ctx, machines, options...); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing machines to wake")
		return nil
	}
	requests := make([]reconcile.Request, 0, len(machines.Items))
	for i := range machines.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&machines.Items[i])})
	}
	return requests
}

func (r *Reconciler) machinesOfCluster(ctx context.Context, o client.Object) []reconcile.Request {
	name := o.GetLabels()[clusterv1.ClusterNameLabel]
	if name == "" {
		return nil
	}
	return r.find(ctx, client.InNamespace(o.GetNamespace()), client.MatchingLabels{clusterv1.ClusterNameLabel: name})
}

func (r *Reconciler) machinesOfHost(ctx context.Context, o client.Object) []reconcile.Request {
	return r.find(ctx, client.MatchingFields{index.MachineByHost: o.GetName()})
}

func (r *Reconciler) unplacedMachines(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.find(ctx, client.MatchingFields{index.MachineByHost: index.Unplaced})
}

func (r *Reconciler) machinesOfProfile(ctx context.Context, o client.Object) []reconcile.Request {
	return r.find(ctx, client.InNamespace(o.GetNamespace()), client.MatchingFields{index.MachineByProfile: o.GetName()})
}

// watchDomains wakes the machine of a domain that changed, or all machines of a host that lost count.
func (r *Reconciler) watchDomains(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case e, ok := <-r.Events:
				if !ok {
					return
				}
				for _, request := range r.machinesOfEvent(ctx, e) {
					queue.Add(request)
				}
			}
		}
	}()
	return nil
}

func (r *Reconciler) machinesOfEvent(ctx context.Context, e virt.Event) []reconcile.Request {
	if e.UUID == "" {
		return r.find(ctx, client.MatchingFields{index.MachineByHost: e.Host})
	}
	id, err := providerid.New(e.UUID)
	if err != nil {
		ctrl.LoggerFrom(ctx).V(1).Info("Ignoring event of domain", logkeys.Host, e.Host, logkeys.Domain, e.UUID)
		return nil
	}
	return r.find(ctx, client.MatchingFields{index.MachineByProviderID: id})
}

// machineMatters leaves out our own writes of status, which would make every failure a reason to try again at once. What
// a Reconcile writes and then relies on to be woken passes: finalizer, Paused, and host and identity in the spec. So does
// the resync, which changes nothing.
func machineMatters() predicate.Predicate {
	return updates(func(before, after *infrav1.LibvirtMachine) bool {
		return before.ResourceVersion == after.ResourceVersion ||
			before.Generation != after.Generation ||
			before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
			!equality.Semantic.DeepEqual(before.Labels, after.Labels) ||
			!equality.Semantic.DeepEqual(before.Annotations, after.Annotations) ||
			!equality.Semantic.DeepEqual(before.OwnerReferences, after.OwnerReferences) ||
			!equality.Semantic.DeepEqual(before.Finalizers, after.Finalizers) ||
			pausedStatus(before) != pausedStatus(after)
	})
}

func pausedStatus(lm *infrav1.LibvirtMachine) metav1.ConditionStatus {
	if paused := conditions.Get(lm, infrav1.PausedCondition); paused != nil {
		return paused.Status
	}
	return ""
}

// clusterMatters lets through changes that machines wait for or are made from.
func clusterMatters() predicate.Predicate {
	return updates(func(before, after *infrav1.LibvirtCluster) bool {
		return before.Generation != after.Generation ||
			before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
			!equality.Semantic.DeepEqual(before.Status.LoadBalancer.Backends, after.Status.LoadBalancer.Backends)
	})
}

// hostWorks lets through changes of how a host is reached and whether it works.
func hostWorks() predicate.Predicate {
	return updates(func(before, after *infrav1.LibvirtHost) bool {
		return before.Generation != after.Generation ||
			changedCondition(before, after, infrav1.ReadyCondition) ||
			changedCondition(before, after, infrav1.LibvirtHostReachableCondition)
	})
}

// hostOffers lets through changes of what a host offers to machines that have no host yet.
func hostOffers() predicate.Predicate {
	return updates(func(before, after *infrav1.LibvirtHost) bool {
		return before.Generation != after.Generation ||
			changedCondition(before, after, infrav1.ReadyCondition) ||
			!equality.Semantic.DeepEqual(before.Labels, after.Labels) ||
			!equality.Semantic.DeepEqual(before.Status.Allocatable, after.Status.Allocatable) ||
			!equality.Semantic.DeepEqual(before.Status.Allocated, after.Status.Allocated) ||
			!equality.Semantic.DeepEqual(before.Status.Unaccounted, after.Status.Unaccounted)
	})
}

func changedCondition(before, after *infrav1.LibvirtHost, condition string) bool {
	return conditions.IsTrue(before, condition) != conditions.IsTrue(after, condition)
}

func updates[T client.Object](matters func(before, after T) bool) predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(T)
		after, ok2 := e.ObjectNew.(T)
		return ok && ok2 && matters(before, after)
	}}
}

func deletions() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		UpdateFunc:  func(event.UpdateEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}
