// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachinetemplate

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util"
	"sigs.k8s.io/cluster-api/util/annotations"
	"sigs.k8s.io/cluster-api/util/labels"
	"sigs.k8s.io/cluster-api/util/predicates"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

// Reconciler reconciles LibvirtMachineTemplates.
type Reconciler struct {
	// Client reads from the manager's cache and writes.
	Client client.Client
	// WatchFilter is the value of the label cluster.x-k8s.io/watch-filter of the objects to reconcile, empty for all.
	WatchFilter string
}

// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=libvirtmachinetemplates,verbs=get;list;watch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=libvirtmachinetemplates/status,verbs=get;update;patch
// +kubebuilder:rbac:groups=cluster.x-k8s.io,resources=clusters,verbs=get;list;watch

// SetupWithManager adds the controller to the manager.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager, options controller.Options) error {
	log := ctrl.LoggerFrom(ctx).WithValues("controller", "libvirtmachinetemplate")
	clusterToTemplates, err := util.ClusterToTypedObjectsMapper(r.Client, &infrav1.LibvirtMachineTemplateList{}, mgr.GetScheme())
	if err != nil {
		return fmt.Errorf("map clusters to LibvirtMachineTemplates: %w", err)
	}
	err = ctrl.NewControllerManagedBy(mgr).
		For(&infrav1.LibvirtMachineTemplate{}, builder.WithPredicates(
			predicates.ResourceNotPausedAndHasFilterLabel(mgr.GetScheme(), log, r.WatchFilter))).
		Watches(&clusterv1.Cluster{}, handler.EnqueueRequestsFromMapFunc(clusterToTemplates),
			builder.WithPredicates(predicates.ClusterPausedTransitions(mgr.GetScheme(), log))).
		Named("libvirtmachinetemplate").
		WithOptions(options).
		Complete(r)
	if err != nil {
		return fmt.Errorf("build controller of LibvirtMachineTemplates: %w", err)
	}
	return nil
}

// Reconcile derives the template's status from its spec.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	template := &infrav1.LibvirtMachineTemplate{}
	if err := r.Client.Get(ctx, req.NamespacedName, template); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !template.DeletionTimestamp.IsZero() || (r.WatchFilter != "" && !labels.HasWatchLabel(template, r.WatchFilter)) {
		return ctrl.Result{}, nil
	}
	isPaused, err := r.isPaused(ctx, template)
	if err != nil || isPaused {
		return ctrl.Result{}, err
	}
	before := template.DeepCopy()
	template.Status.Capacity = capacity(&template.Spec.Template.Spec)
	// ALT Container OS is built for one architecture.
	template.Status.NodeInfo = infrav1.NodeInfo{Architecture: "amd64", OperatingSystem: "linux"}
	if equality.Semantic.DeepEqual(before.Status, template.Status) {
		return ctrl.Result{}, nil
	}
	if err := r.Client.Status().Patch(ctx, template, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, fmt.Errorf("store status of LibvirtMachineTemplate %q: %w", template.Name, err)
	}
	return ctrl.Result{}, nil
}

// isPaused reports whether the template or the cluster that it belongs to, if any, is paused.
func (r *Reconciler) isPaused(ctx context.Context, template *infrav1.LibvirtMachineTemplate) (bool, error) {
	if annotations.HasPaused(template) {
		return true, nil
	}
	if template.Labels[clusterv1.ClusterNameLabel] == "" {
		return false, nil
	}
	cluster, err := util.GetClusterFromMetadata(ctx, r.Client, template.ObjectMeta)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read cluster of LibvirtMachineTemplate %q: %w", template.Name, err)
	}
	return annotations.IsPaused(cluster, template), nil
}

// capacity is what kubelet will see. A root disk without size is as large as the image, whose size is not known here.
func capacity(spec *infrav1.LibvirtMachineSpec) corev1.ResourceList {
	list := corev1.ResourceList{
		corev1.ResourceCPU:    *resource.NewQuantity(int64(spec.VCPUs), resource.DecimalSI),
		corev1.ResourceMemory: spec.Memory.DeepCopy(),
	}
	if size := spec.RootDisk.Size; size != nil {
		list[corev1.ResourceEphemeralStorage] = size.DeepCopy()
	}
	return list
}
