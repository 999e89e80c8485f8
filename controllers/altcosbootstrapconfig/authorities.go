// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcosbootstrapconfig

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/cluster-api/util/secret"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/machinerole"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
)

// ensureAuthorities makes the certificate authorities of a cluster without a control plane object, before its first
// machine. Left to the kubeadm bootstrap provider, they would belong to that machine's KubeadmConfig and go with it, and
// no machine could join or be trusted any more. Those that are there, also the user's own, stay as they are; once the
// control plane runs, none is made: another authority would not be the one that it uses.
func (r *Reconciler) ensureAuthorities(ctx context.Context, s *scope) error {
	if s.cluster.Spec.ControlPlaneRef.IsDefined() || !machinerole.IsControlPlane(s.machine) ||
		conditions.IsTrue(s.cluster, clusterv1.ClusterControlPlaneInitializedCondition) {
		return nil
	}
	cluster := client.ObjectKeyFromObject(s.cluster)
	certificates := secret.NewCertificatesForInitialControlPlane(&s.config.Spec.Kubeadm.ClusterConfiguration)
	if err := certificates.Lookup(ctx, r.Client, cluster); err != nil {
		if apierrors.IsNotFound(err) {
			return outcome.Blockedf(bootstrapv1.AltcosBootstrapConfigCertificatesMissingReason, retryMissing,
				"certificates of the external etcd are not there as secrets with label %s: %s", clusterv1.ClusterNameLabel, err)
		}
		return fmt.Errorf("read certificates of the cluster: %w", err)
	}
	if err := certificates.Generate(); err != nil {
		return fmt.Errorf("make certificates of the cluster: %w", err)
	}
	// Neither a controller nor blocking: the Cluster has its own, and its finalizers are not ours to touch.
	owner := metav1.OwnerReference{APIVersion: clusterv1.GroupVersion.String(), Kind: "Cluster", Name: s.cluster.Name, UID: s.cluster.UID}
	for _, certificate := range certificates {
		if !certificate.Generated {
			continue
		}
		made := certificate.AsSecret(cluster, owner)
		switch err := r.Client.Create(ctx, made); {
		case apierrors.IsAlreadyExists(err): // of another machine, or a user's that our cache does not hold: theirs counts
		case err != nil:
			return fmt.Errorf("store certificates of the cluster: %w", err)
		default:
			ctrl.LoggerFrom(ctx).Info("Made certificate authority of the cluster", "Secret", made.Name)
		}
	}
	return nil
}
