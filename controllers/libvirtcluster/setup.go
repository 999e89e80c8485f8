// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster

import (
	"context"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/cluster-api/util"
	"sigs.k8s.io/cluster-api/util/predicates"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/watch"
)

// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=libvirtclusters,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=libvirtclusters/status;libvirtclusters/finalizers,verbs=get;update;patch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=libvirthosts;libvirtmachines,verbs=get;list;watch
// +kubebuilder:rbac:groups=cluster.x-k8s.io,resources=clusters;clusters/status,verbs=get;list;watch
// +kubebuilder:rbac:groups=ipam.cluster.x-k8s.io,resources=ipaddressclaims,verbs=get;list;watch;create;update;patch;delete
// +kubebuilder:rbac:groups=ipam.cluster.x-k8s.io,resources=ipaddresses,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=secrets;namespaces,verbs=get;list;watch
// +kubebuilder:rbac:groups="";events.k8s.io,resources=events,verbs=create;patch

// SetupWithManager registers the reconciler.
func (r *Reconciler) SetupWithManager(_ context.Context, mgr ctrl.Manager, options controller.Options) error {
	log := mgr.GetLogger().WithValues("controller", "libvirtcluster")
	scheme := mgr.GetScheme()
	infra := infrav1.GroupVersion.WithKind("LibvirtCluster")
	err := ctrl.NewControllerManagedBy(mgr).
		For(&infrav1.LibvirtCluster{}, builder.WithPredicates(
			watch.AllButStatus(),
			predicates.ResourceHasFilterLabel(scheme, log, r.WatchFilter),
			predicates.ResourceIsNotExternallyManaged(scheme, log),
		)).
		Named("libvirtcluster").
		WithOptions(options).
		Owns(&ipamv1.IPAddressClaim{}).
		Watches(&clusterv1.Cluster{}, handler.EnqueueRequestsFromMapFunc(clusterToInfra(infra.Kind)),
			builder.WithPredicates(predicates.All(scheme, log,
				predicates.ResourceHasFilterLabel(scheme, log, r.WatchFilter),
				predicates.ClusterPausedTransitionsOrInfrastructureProvisioned(scheme, log)))).
		Watches(&infrav1.LibvirtMachine{}, handler.EnqueueRequestsFromMapFunc(r.machineToCluster),
			builder.WithPredicates(backendChanged())).
		Watches(&infrav1.LibvirtHost{}, handler.EnqueueRequestsFromMapFunc(r.hostToClusters),
			builder.WithPredicates(fitnessChanged())).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up LibvirtCluster controller: %w", err)
	}
	return nil
}

// clusterToInfra maps a Cluster to its infrastructure object of our kind. Unlike util.ClusterToInfrastructureMapFunc it
// reads nothing.
func clusterToInfra(kind string) handler.MapFunc {
	return func(_ context.Context, object client.Object) []reconcile.Request {
		cluster, ok := object.(*clusterv1.Cluster)
		if !ok || cluster.Spec.InfrastructureRef.Kind != kind || cluster.Spec.InfrastructureRef.APIGroup != infrav1.GroupVersion.Group {
			return nil
		}
		return []reconcile.Request{watch.Request(cluster.Namespace, cluster.Spec.InfrastructureRef.Name)}
	}
}

// machineToCluster maps a machine to its LibvirtCluster.
func (r *Reconciler) machineToCluster(ctx context.Context, object client.Object) []reconcile.Request {
	name := object.GetLabels()[clusterv1.ClusterNameLabel]
	if name == "" {
		return nil
	}
	cluster, err := util.GetClusterByName(ctx, r.Client, object.GetNamespace(), name)
	if err != nil {
		return nil
	}
	return clusterToInfra("LibvirtCluster")(ctx, cluster)
}

// hostToClusters maps a host to all clusters: any of them may select it.
func (r *Reconciler) hostToClusters(ctx context.Context, _ client.Object) []reconcile.Request {
	return watch.Requests(ctx, r.Client, &infrav1.LibvirtClusterList{})
}
