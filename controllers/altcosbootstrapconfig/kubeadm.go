// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcosbootstrapconfig

import (
	"context"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kubeadmv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
)

// childSuffix makes the child's name differ from ours: the child's Secret is named like the child, ours like us.
const childSuffix = "-kubeadm"

// wakeAnnotation on the child changes with what the kubeadm bootstrap provider waits for. It watches Clusters only for
// KubeadmConfigs that a Machine refers to, which the child is not.
const wakeAnnotation = "bootstrap.cluster.x-k8s.io/altcos-cluster-state"

// awaitCluster keeps the child from being made too early: the kubeadm bootstrap provider would go to sleep over it.
func (r *Reconciler) awaitCluster(_ context.Context, s *scope) error {
	if !ptr.Deref(s.cluster.Status.Initialization.InfrastructureProvisioned, false) {
		return outcome.Waitf(bootstrapv1.AltcosBootstrapConfigWaitingForClusterReason, 0, "the cluster's infrastructure is not provisioned yet")
	}
	return nil
}

// ensureChild creates the child KubeadmConfig once. It is never updated afterwards but for its annotation, since the
// kubeadm bootstrap provider writes the join token into its spec.
func (r *Reconciler) ensureChild(ctx context.Context, s *scope) error {
	s.child = &kubeadmv1.KubeadmConfig{}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: s.config.Namespace, Name: s.config.Name + childSuffix}, s.child)
	if apierrors.IsNotFound(err) {
		return r.createChild(ctx, s)
	}
	if err != nil {
		return fmt.Errorf("read child KubeadmConfig: %w", err)
	}
	if !metav1.IsControlledBy(s.child, s.config) {
		return outcome.Terminalf(bootstrapv1.AltcosBootstrapConfigKubeadmRefusedReason,
			"KubeadmConfig %q exists and belongs to somebody else; delete it or rename this object", s.child.Name)
	}
	return r.wakeChild(ctx, s)
}

func (r *Reconciler) createChild(ctx context.Context, s *scope) error {
	s.child = newChild(s)
	ctrl.LoggerFrom(ctx).Info("Creating child KubeadmConfig", "KubeadmConfig", s.child.Name)
	err := r.Client.Create(ctx, s.child)
	if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err) {
		return outcome.Terminalf(bootstrapv1.AltcosBootstrapConfigKubeadmRefusedReason, "spec.kubeadm: %w", err)
	}
	if err != nil {
		return fmt.Errorf("create child KubeadmConfig: %w", err)
	}
	return nil
}

func newChild(s *scope) *kubeadmv1.KubeadmConfig {
	child := &kubeadmv1.KubeadmConfig{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:   s.config.Namespace,
			Name:        s.config.Name + childSuffix,
			Labels:      map[string]string{clusterv1.ClusterNameLabel: s.cluster.Name},
			Annotations: map[string]string{wakeAnnotation: clusterState(s.cluster)},
			OwnerReferences: []metav1.OwnerReference{
				*metav1.NewControllerRef(s.config, bootstrapv1.GroupVersion.WithKind("AltcosBootstrapConfig")),
				{APIVersion: clusterv1.GroupVersion.String(), Kind: "Machine", Name: s.machine.Name, UID: s.machine.UID},
			},
		},
		Spec: *s.config.Spec.Kubeadm.DeepCopy(),
	}
	if value, ok := s.config.Labels[clusterv1.WatchLabel]; ok {
		child.Labels[clusterv1.WatchLabel] = value
	}
	// We read cloud-config, which loses nothing on the way; kubeadm's own Ignition is one that no ALT Container OS reads.
	child.Spec.Format = kubeadmv1.CloudConfig
	child.Spec.Ignition = kubeadmv1.IgnitionSpec{}
	return child
}

// wakeChild lets the kubeadm bootstrap provider look again when the cluster has moved on.
func (r *Reconciler) wakeChild(ctx context.Context, s *scope) error {
	state := clusterState(s.cluster)
	if s.child.Annotations[wakeAnnotation] == state {
		return nil
	}
	before := s.child.DeepCopy()
	metav1.SetMetaDataAnnotation(&s.child.ObjectMeta, wakeAnnotation, state)
	if err := r.Client.Patch(ctx, s.child, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("annotate child KubeadmConfig: %w", err)
	}
	return nil
}

// clusterState changes with everything of the cluster that the kubeadm bootstrap provider may wait for.
func clusterState(cluster *clusterv1.Cluster) string {
	endpoint := cluster.Spec.ControlPlaneEndpoint
	return fmt.Sprintf("endpoint=%s:%d,initialized=%s,paused=%s", endpoint.Host, endpoint.Port,
		strconv.FormatBool(conditions.IsTrue(cluster, clusterv1.ClusterControlPlaneInitializedCondition)),
		strconv.FormatBool(ptr.Deref(cluster.Spec.Paused, false)))
}

// awaitKubeadmData reads the child's Secret by its name: the child's status is not to be trusted after a move, when it
// is restored from the Machine, which names our own Secret.
func (r *Reconciler) awaitKubeadmData(ctx context.Context, s *scope) error {
	found := &corev1.Secret{}
	err := r.Client.Get(ctx, client.ObjectKeyFromObject(s.child), found)
	if apierrors.IsNotFound(err) {
		message := "the kubeadm bootstrap provider has not written its data yet"
		if ready := conditions.Get(s.child, clusterv1.ReadyCondition); ready != nil && ready.Message != "" {
			message = "KubeadmConfig " + s.child.Name + ": " + ready.Message
		}
		return outcome.Waitf(bootstrapv1.AltcosBootstrapConfigWaitingForKubeadmReason, 0, "%s", message)
	}
	if err != nil {
		return fmt.Errorf("read the child's data secret: %w", err)
	}
	s.kubeadmData = found.Data
	return nil
}
