// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/index"
	"github.com/altcos/cluster-api-provider-altcos/internal/logkeys"
	"github.com/altcos/cluster-api-provider-altcos/internal/providerid"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/watch"
)

// find lists LibvirtMachines as requests.
func (r *Reconciler) find(ctx context.Context, options ...client.ListOption) []reconcile.Request {
	return watch.Requests(ctx, r.Client, &infrav1.LibvirtMachineList{}, options...)
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

// watchDomains wakes the machine of a domain that changed, or all machines of a host whose events may have been lost.
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

// clusterMatters passes changes that machines wait for or are created from.
func clusterMatters() predicate.Predicate {
	return watch.Updates(func(before, after *infrav1.LibvirtCluster) bool {
		return before.Generation != after.Generation ||
			before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
			!equality.Semantic.DeepEqual(before.Status.LoadBalancer.Backends, after.Status.LoadBalancer.Backends)
	})
}

// hostWorks passes changes of how a host is reached and whether it works.
func hostWorks() predicate.Predicate {
	return watch.Updates(func(before, after *infrav1.LibvirtHost) bool {
		return before.Generation != after.Generation ||
			watch.ConditionChanged(before, after, infrav1.ReadyCondition, infrav1.LibvirtHostReachableCondition)
	})
}

// hostOffers passes changes of what a host offers to machines that have no host yet.
func hostOffers() predicate.Predicate {
	return watch.Updates(func(before, after *infrav1.LibvirtHost) bool {
		return before.Generation != after.Generation ||
			watch.ConditionChanged(before, after, infrav1.ReadyCondition) ||
			!equality.Semantic.DeepEqual(before.Labels, after.Labels) ||
			!equality.Semantic.DeepEqual(before.Status.Allocatable, after.Status.Allocatable) ||
			!equality.Semantic.DeepEqual(before.Status.Allocated, after.Status.Allocated) ||
			!equality.Semantic.DeepEqual(before.Status.Unaccounted, after.Status.Unaccounted)
	})
}
