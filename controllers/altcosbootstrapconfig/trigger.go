// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcosbootstrapconfig

import (
	"context"
	"fmt"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kubeadmv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
)

// triggerAnnotation on the child changes with what the kubeadm bootstrap provider waits for. The provider watches Clusters
// only for KubeadmConfigs that a Machine refers to, and no Machine refers to the child.
const triggerAnnotation = "bootstrap.cluster.x-k8s.io/altcos-cluster-state"

// keepTokenAlive wakes the child of a Machine that has its data but no node yet: until then the kubeadm bootstrap provider
// has to refresh the join token. A missing child is not recreated: the machine already has its data and token.
func (r *Reconciler) keepTokenAlive(ctx context.Context, s *scope) error {
	if s.machine.Status.NodeRef.IsDefined() {
		return nil
	}
	s.child = &kubeadmv1.KubeadmConfig{}
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: s.config.Namespace, Name: s.config.Name + childSuffix}, s.child); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return nil
		}
		return fmt.Errorf("read child KubeadmConfig: %w", err)
	}
	if !metav1.IsControlledBy(s.child, s.config) || !s.child.DeletionTimestamp.IsZero() {
		return nil
	}
	return r.triggerChild(ctx, s)
}

// triggerChild makes the kubeadm bootstrap provider reconcile the child when the cluster has changed.
func (r *Reconciler) triggerChild(ctx context.Context, s *scope) error {
	state := stateFor(s.cluster, s.child)
	if s.child.Annotations[triggerAnnotation] == state {
		return nil
	}
	before := s.child.DeepCopy()
	metav1.SetMetaDataAnnotation(&s.child.ObjectMeta, triggerAnnotation, state)
	err := r.Client.Patch(ctx, s.child, client.MergeFrom(before))
	if client.IgnoreNotFound(err) != nil { // the deletion of the child wakes us anyway
		return fmt.Errorf("annotate child KubeadmConfig: %w", err)
	}
	return nil
}

// stateFor changes with everything that the kubeadm bootstrap provider may wait for. It is never called while the cluster is
// paused, so a child whose condition is still Paused needs to be woken: its provider has missed the end of the pause.
func stateFor(cluster *clusterv1.Cluster, child *kubeadmv1.KubeadmConfig) string {
	endpoint := cluster.Spec.ControlPlaneEndpoint
	state := fmt.Sprintf("endpoint=%s:%d,initialized=%s", endpoint.Host, endpoint.Port,
		strconv.FormatBool(conditions.IsTrue(cluster, clusterv1.ClusterControlPlaneInitializedCondition)))
	if paused := conditions.Get(child, clusterv1.PausedCondition); paused != nil && paused.Status == metav1.ConditionTrue {
		state += ",asleep-since=" + paused.LastTransitionTime.UTC().Format(time.RFC3339)
	}
	return state
}
