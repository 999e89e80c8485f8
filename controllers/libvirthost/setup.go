// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirthost

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"sigs.k8s.io/cluster-api/util/predicates"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/async"
	"github.com/altcos/cluster-api-provider-altcos/internal/index"
	"github.com/altcos/cluster-api-provider-altcos/internal/watch"
)

// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=libvirthosts,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=libvirthosts/status;libvirthosts/finalizers,verbs=get;update;patch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=libvirtmachines;libvirtclusters,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch
// +kubebuilder:rbac:groups="";events.k8s.io,resources=events,verbs=create;patch

// SetupWithManager registers the reconciler.
func (r *Reconciler) SetupWithManager(_ context.Context, mgr ctrl.Manager, options controller.Options) error {
	log := mgr.GetLogger().WithValues("controller", "libvirthost")
	if r.Installs == nil {
		r.Installs = async.New(async.Options{MaxPerHost: 1})
		if err := mgr.Add(r.Installs); err != nil {
			return fmt.Errorf("add installations of packages: %w", err)
		}
	}
	err := ctrl.NewControllerManagedBy(mgr).
		For(&infrav1.LibvirtHost{}, builder.WithPredicates(watch.AllButStatus(), predicates.ResourceHasFilterLabel(mgr.GetScheme(), log, r.WatchFilter))).
		Named("libvirthost").
		WithOptions(options).
		Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.secretToHosts)).
		Watches(&infrav1.LibvirtMachine{}, handler.EnqueueRequestsFromMapFunc(machineToHost), builder.WithPredicates(comesOrGoes())).
		WatchesRawSource(source.Channel(r.Installs.Events(), &handler.EnqueueRequestForObject{})).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up LibvirtHost controller: %w", err)
	}
	return nil
}

func machinesOn(host string) client.ListOption {
	return client.MatchingFields{index.MachineByHost: host}
}

// secretToHosts maps a Secret with credentials to the hosts that use it.
func (r *Reconciler) secretToHosts(ctx context.Context, object client.Object) []reconcile.Request {
	if object.GetNamespace() != r.Hosts.Namespace {
		return nil
	}
	list := &infrav1.LibvirtHostList{}
	if err := r.Client.List(ctx, list); err != nil {
		return nil
	}
	var requests []reconcile.Request
	for i := range list.Items {
		if list.Items[i].Spec.CredentialsRef.Name == object.GetName() {
			requests = append(requests, watch.Request("", list.Items[i].Name))
		}
	}
	return requests
}

// machineToHost maps a machine to its host, whose resources it uses and whose deletion may wait for it.
func machineToHost(_ context.Context, object client.Object) []reconcile.Request {
	machine, ok := object.(*infrav1.LibvirtMachine)
	if !ok || machine.Spec.Host == "" {
		return nil
	}
	return []reconcile.Request{watch.Request("", machine.Spec.Host)}
}

// comesOrGoes passes machines that are gone, and new ones with an identity, as clusterctl move creates them: until then the
// host counted their domains as unaccounted.
func comesOrGoes() predicate.Predicate {
	return predicate.Or(watch.Deletions(), watch.Creations(func(o client.Object) bool {
		machine, ok := o.(*infrav1.LibvirtMachine)
		return ok && machine.Spec.ProviderID != ""
	}))
}
