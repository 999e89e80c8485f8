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

// ensureAuthorities creates the certificate authorities of a cluster without a control plane object, before its first
// machine. The kubeadm bootstrap provider would make that machine's KubeadmConfig their owner, so that they would be
// deleted with it and no machine could join or be trusted any more. Existing ones, including the user's own, are not
// changed. Once the control plane is initialized none is created: it would not be the one in use.
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
				"certificates of the external etcd do not exist as secrets with label %s, create them: %s", clusterv1.ClusterNameLabel, err)
		}
		return fmt.Errorf("read certificates of the cluster: %w", err)
	}
	if err := certificates.Generate(); err != nil {
		return fmt.Errorf("generate certificates of the cluster: %w", err)
	}
	// Not a controller reference, and not blocking, which would require the right to change the Cluster's finalizers.
	owner := metav1.OwnerReference{APIVersion: clusterv1.GroupVersion.String(), Kind: "Cluster", Name: s.cluster.Name, UID: s.cluster.UID}
	for _, certificate := range certificates {
		if !certificate.Generated {
			continue
		}
		made := certificate.AsSecret(cluster, owner)
		switch err := r.Client.Create(ctx, made); {
		case apierrors.IsAlreadyExists(err): // created for another machine, or by the user without the label: that one is used
		case err != nil:
			return fmt.Errorf("store certificates of the cluster: %w", err)
		default:
			ctrl.LoggerFrom(ctx).Info("Created certificate authority of the cluster", "Secret", made.Name)
		}
	}
	return nil
}
