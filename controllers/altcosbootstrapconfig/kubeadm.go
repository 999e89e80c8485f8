// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcosbootstrapconfig

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kubeadmv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/event"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/profile"
)

// childSuffix makes the child's name differ from ours, since each has a Secret of its own name.
const childSuffix = "-kubeadm"

// madeFromAnnotation on the child is the digest of the spec that it was created with, which does not show in its spec: the
// kubeadm bootstrap provider changes that.
const madeFromAnnotation = "bootstrap.cluster.x-k8s.io/altcos-made-from"

// awaitCluster delays the child: the kubeadm bootstrap provider would not be woken when the infrastructure is ready.
func (r *Reconciler) awaitCluster(_ context.Context, s *scope) error {
	if !ptr.Deref(s.cluster.Status.Initialization.InfrastructureProvisioned, false) {
		return outcome.Waitf(bootstrapv1.AltcosBootstrapConfigWaitingForClusterReason, 0, "the cluster's infrastructure is not provisioned yet")
	}
	return nil
}

// ensureChild creates the child KubeadmConfig. Only its annotations are updated afterwards, since the kubeadm bootstrap
// provider writes the join token into its spec; when spec.kubeadm changes, the child is replaced.
func (r *Reconciler) ensureChild(ctx context.Context, s *scope) error {
	wanted, err := newChild(s)
	if err != nil {
		return err
	}
	s.child = &kubeadmv1.KubeadmConfig{}
	err = r.Client.Get(ctx, client.ObjectKeyFromObject(wanted), s.child)
	switch {
	case apierrors.IsNotFound(err):
		return r.createChild(ctx, s, wanted)
	case err != nil:
		return fmt.Errorf("read child KubeadmConfig: %w", err)
	case !s.named(metav1.GetControllerOf(s.child)):
		return outcome.Blockedf(bootstrapv1.AltcosBootstrapConfigKubeadmRefusedReason, retryMissing,
			"KubeadmConfig %q exists and belongs to another owner; delete the KubeadmConfig or rename this object", s.child.Name)
	case !s.child.DeletionTimestamp.IsZero():
		return outcome.Waitf(bootstrapv1.AltcosBootstrapConfigWaitingForKubeadmReason, 0, "waiting for the earlier KubeadmConfig %q to be deleted", s.child.Name)
	case !metav1.IsControlledBy(s.child, s.config) || s.child.Annotations[madeFromAnnotation] != wanted.Annotations[madeFromAnnotation]:
		return r.removeChild(ctx, s)
	}
	return r.triggerChild(ctx, s)
}

func (r *Reconciler) createChild(ctx context.Context, s *scope, wanted *kubeadmv1.KubeadmConfig) error {
	if err := s.checkKubeadm(); err != nil {
		return err
	}
	if err := r.awaitRemovalOfOldData(ctx, wanted); err != nil {
		return err
	}
	if err := r.ensureAuthorities(ctx, s); err != nil {
		return err
	}
	skew, err := r.skew(ctx, s)
	if err != nil {
		return err
	}
	ctrl.LoggerFrom(ctx).Info("Creating child KubeadmConfig", "KubeadmConfig", wanted.Name)
	err = r.Client.Create(ctx, wanted)
	if apierrors.IsAlreadyExists(err) { // our own, which the cache does not show yet
		return outcome.Waitf(bootstrapv1.AltcosBootstrapConfigWaitingForCacheReason, retrySoon, "KubeadmConfig %q was created a moment ago and is not visible yet", wanted.Name)
	}
	if err != nil {
		return refused(err)
	}
	if skew != "" {
		event.Emit(r.Recorder, s.config, corev1.EventTypeWarning, skewReason, "Reconcile", skew)
	}
	s.child = wanted
	return nil
}

// checkKubeadm repeats the checks of admission, since an object may have been created before the webhook, or without it.
func (s *scope) checkKubeadm() error {
	if errs := profile.ValidateKubeadm(&s.config.Spec.Kubeadm, field.NewPath("spec", "kubeadm")); len(errs) > 0 {
		return &outcome.Terminal{Reason: bootstrapv1.AltcosBootstrapConfigKubeadmRefusedReason, Err: errs.ToAggregate()}
	}
	return nil
}

// awaitRemovalOfOldData waits for the Secret of an earlier child to be deleted. The kubeadm bootstrap provider makes the
// child the owner of any Secret of its name before it has written its data, so old data could not be told from new.
func (r *Reconciler) awaitRemovalOfOldData(ctx context.Context, wanted *kubeadmv1.KubeadmConfig) error {
	found := &corev1.Secret{}
	if err := r.Client.Get(ctx, client.ObjectKeyFromObject(wanted), found); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("read the child's data secret: %w", err)
	}
	if metav1.GetControllerOf(found) == nil {
		return nil
	}
	return outcome.Waitf(bootstrapv1.AltcosBootstrapConfigWaitingForKubeadmReason, retryMissing,
		"waiting for the garbage collector to remove secret %q of an earlier KubeadmConfig; delete it yourself if it has another owner", found.Name)
}

// removeChild deletes a child that was created from an earlier spec.kubeadm, or by an earlier config of the same name.
func (r *Reconciler) removeChild(ctx context.Context, s *scope) error {
	if err := s.checkKubeadm(); err != nil {
		return err
	}
	ctrl.LoggerFrom(ctx).Info("Replacing child KubeadmConfig, which was created from another spec.kubeadm", "KubeadmConfig", s.child.Name)
	err := r.Client.Delete(ctx, s.child, client.Preconditions{UID: &s.child.UID})
	if client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) { // on conflict the cache is stale, and the child is gone
		return fmt.Errorf("remove child KubeadmConfig: %w", err)
	}
	return outcome.Waitf(bootstrapv1.AltcosBootstrapConfigWaitingForKubeadmReason, retrySoon,
		"KubeadmConfig %q was created from another spec.kubeadm and is being recreated", s.child.Name)
}

func newChild(s *scope) (*kubeadmv1.KubeadmConfig, error) {
	child := &kubeadmv1.KubeadmConfig{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.config.Namespace,
			Name:      s.config.Name + childSuffix,
			Labels:    map[string]string{clusterv1.ClusterNameLabel: s.cluster.Name},
			OwnerReferences: []metav1.OwnerReference{
				*s.controllerRef(),
				{APIVersion: clusterv1.GroupVersion.String(), Kind: "Machine", Name: s.machine.Name, UID: s.machine.UID},
			},
		},
		Spec: *s.config.Spec.Kubeadm.DeepCopy(),
	}
	if value, ok := s.config.Labels[clusterv1.WatchLabel]; ok {
		child.Labels[clusterv1.WatchLabel] = value
	}
	// Cloud-config converts without loss; ALT Container OS cannot read the Ignition version that the provider would write.
	child.Spec.Format = kubeadmv1.CloudConfig
	content, err := json.Marshal(child.Spec)
	if err != nil {
		return nil, fmt.Errorf("encode spec of child KubeadmConfig: %w", err)
	}
	sum := sha256.Sum256(content)
	child.Annotations = map[string]string{
		triggerAnnotation:  stateFor(s.cluster, child),
		madeFromAnnotation: hex.EncodeToString(sum[:]),
	}
	return child, nil
}

// awaitKubeadmData reads the child's Secret by name. The child's status cannot be trusted after clusterctl move: it is
// restored from the Machine, which refers to our own Secret.
func (r *Reconciler) awaitKubeadmData(ctx context.Context, s *scope) error {
	found := &corev1.Secret{}
	err := r.Client.Get(ctx, client.ObjectKeyFromObject(s.child), found)
	if apierrors.IsNotFound(err) {
		return outcome.Waitf(bootstrapv1.AltcosBootstrapConfigWaitingForKubeadmReason, 0, "%s", kubeadmMessage(s.child))
	}
	if err != nil {
		return fmt.Errorf("read the child's data secret: %w", err)
	}
	if !isData(found, s.child) {
		return outcome.Waitf(bootstrapv1.AltcosBootstrapConfigWaitingForKubeadmReason, retryMissing,
			"secret %q is not controlled by this KubeadmConfig of the same name; delete the secret unless the garbage collector does", found.Name)
	}
	s.kubeadmData = found.Data
	return nil
}

// isData reports whether the child controls the Secret. That of an earlier child with the same name may not be gone yet.
func isData(secret *corev1.Secret, child *kubeadmv1.KubeadmConfig) bool {
	controller := metav1.GetControllerOf(secret)
	if controller == nil {
		// Objects in kubectl-altcos come from no API server: they have no UIDs, and no predecessors of the same name.
		return child.UID == ""
	}
	return controller.UID == child.UID
}

// kubeadmMessage returns what the kubeadm bootstrap provider waits for.
func kubeadmMessage(child *kubeadmv1.KubeadmConfig) string {
	ready := conditions.Get(child, clusterv1.ReadyCondition)
	switch {
	case ready == nil || ready.Message == "":
		return "the kubeadm bootstrap provider has not written its data yet"
	case strings.Contains(ready.Message, "spec.files"):
		// The message quotes templates that cannot be parsed, and files may hold secrets.
		return fmt.Sprintf("the kubeadm bootstrap provider cannot prepare spec.kubeadm.files; see the conditions of KubeadmConfig %s", child.Name)
	}
	return "KubeadmConfig " + child.Name + ": " + ready.Message
}
