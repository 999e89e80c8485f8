// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcosbootstrapconfig

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	kubeadmv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util"
	"sigs.k8s.io/cluster-api/util/predicates"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/watch"
)

// +kubebuilder:rbac:groups=bootstrap.cluster.x-k8s.io,resources=altcosbootstrapconfigs,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups=bootstrap.cluster.x-k8s.io,resources=altcosbootstrapconfigs/status;altcosbootstrapconfigs/finalizers,verbs=get;update;patch
// +kubebuilder:rbac:groups=bootstrap.cluster.x-k8s.io,resources=kubeadmconfigs,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=cluster.x-k8s.io,resources=clusters;clusters/status;machines;machines/status,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch;create;update;patch
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch
// +kubebuilder:rbac:groups="";events.k8s.io,resources=events,verbs=create;patch

// SetupWithManager registers the reconciler.
func (r *Reconciler) SetupWithManager(_ context.Context, mgr ctrl.Manager, options controller.Options) error {
	log := mgr.GetLogger().WithValues("controller", "altcosbootstrapconfig")
	scheme := mgr.GetScheme()
	clusterToConfigs, err := util.ClusterToTypedObjectsMapper(mgr.GetClient(), &bootstrapv1.AltcosBootstrapConfigList{}, scheme)
	if err != nil {
		return fmt.Errorf("map clusters to AltcosBootstrapConfigs: %w", err)
	}
	changed := predicates.ResourceIsChanged(scheme, log)
	err = ctrl.NewControllerManagedBy(mgr).
		For(&bootstrapv1.AltcosBootstrapConfig{}, builder.WithPredicates(watch.AllButStatus(), predicates.ResourceHasFilterLabel(scheme, log, r.WatchFilter))).
		Named("altcosbootstrapconfig").
		WithOptions(options).
		Owns(&kubeadmv1.KubeadmConfig{}, builder.WithPredicates(changed)).
		Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(secretToConfig), builder.WithPredicates(changed)).
		Watches(&clusterv1.Machine{}, handler.EnqueueRequestsFromMapFunc(machineToConfig), builder.WithPredicates(changed)).
		Watches(&clusterv1.Cluster{}, handler.EnqueueRequestsFromMapFunc(clusterToConfigs), builder.WithPredicates(changed)).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up AltcosBootstrapConfig controller: %w", err)
	}
	return nil
}

// machineToConfig maps a Machine to its bootstrap config, if that is of our kind.
func machineToConfig(_ context.Context, object client.Object) []reconcile.Request {
	machine, ok := object.(*clusterv1.Machine)
	if !ok {
		return nil
	}
	ref := machine.Spec.Bootstrap.ConfigRef
	if ref.Kind != kind || ref.APIGroup != bootstrapv1.GroupVersion.Group {
		return nil
	}
	return []reconcile.Request{watch.Request(machine.Namespace, ref.Name)}
}

// secretToConfig maps a data Secret, ours or that of the child, to the config. The child's status also changes with its
// Secret, but the cache may show that change first, and then nothing would wake the config when it shows the Secret.
func secretToConfig(_ context.Context, object client.Object) []reconcile.Request {
	owner := metav1.GetControllerOf(object)
	if owner == nil {
		return nil
	}
	name := owner.Name
	if refersTo(owner, kubeadmv1.GroupVersion.Group, "KubeadmConfig") {
		name = strings.TrimSuffix(name, childSuffix)
	} else if !isOurs(owner) {
		return nil
	}
	return []reconcile.Request{watch.Request(object.GetNamespace(), name)}
}
