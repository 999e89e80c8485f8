// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcosbootstrapconfig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/bootstrapdata"
	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/render"
	"github.com/altcos/cluster-api-provider-altcos/internal/machinerole"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/profilesource"
)

// Keys of a data Secret: that of the contract, and one that the kubeadm bootstrap provider sets too.
const (
	valueKey  = "value"
	formatKey = "format"
)

// Requeue intervals.
const (
	// retryMissing is for what others must create or remove and what is not watched.
	retryMissing = 30 * time.Second
	// retrySoon is for what the cache does not show yet.
	retrySoon = 2 * time.Second
)

// render turns the kubeadm data and the profile into an Ignition config. The infrastructure provider adds the node's own
// part, since it knows addresses and host.
func (r *Reconciler) render(ctx context.Context, s *scope) error {
	data, err := bootstrapdata.Read(s.kubeadmData)
	if errors.Is(err, bootstrapdata.ErrMissing) {
		return outcome.Waitf(bootstrapv1.AltcosBootstrapConfigWaitingForKubeadmReason, 0, "the kubeadm bootstrap provider has not written its data yet: its secret is empty")
	}
	if err != nil {
		return &outcome.Terminal{Reason: bootstrapv1.AltcosBootstrapConfigRenderFailedReason, Err: err}
	}
	input := render.Input{
		Bootstrap:    data,
		InstanceData: cloudconfig.InstanceData{Hostname: s.machine.Name, AvailabilityZone: s.machine.Spec.FailureDomain},
	}
	machine := profilesource.Machine{Cluster: s.cluster, ControlPlane: machinerole.IsControlPlane(s.machine)}
	input.Profile, input.UserLayers, err = profilesource.Resolve(ctx, r.Client, machine, &s.config.Spec.AltcosProfile)
	if err == nil {
		s.ignition, err = render.Render(input)
	}
	return s.explainRender(err)
}

// explainRender turns an error of rendering into an outcome.
func (s *scope) explainRender(err error) error {
	switch {
	case errors.Is(err, profilesource.ErrUnseen):
		return outcome.Waitf(bootstrapv1.AltcosBootstrapConfigWaitingForCacheReason, retrySoon, "%s", err)
	case errors.Is(err, profilesource.ErrMissing):
		return outcome.Blockedf(bootstrapv1.AltcosBootstrapConfigProfileMissingReason, retryMissing, "%s", err)
	case err == nil || !render.IsInputError(err):
		return err
	case len(s.config.Spec.ButaneFrom) > 0: // the error may be in a Secret or ConfigMap, which is not watched
		return outcome.Blockedf(bootstrapv1.AltcosBootstrapConfigRenderFailedReason, retryMissing, "%s", err)
	}
	return &outcome.Terminal{Reason: bootstrapv1.AltcosBootstrapConfigRenderFailedReason, Err: err}
}

// writeDataSecret stores the config in a Secret with the name of this object.
func (r *Reconciler) writeDataSecret(ctx context.Context, s *scope) error {
	wanted := map[string][]byte{valueKey: s.ignition, formatKey: []byte(bootstrapdata.FormatIgnition)}
	found := &corev1.Secret{}
	err := r.Client.Get(ctx, client.ObjectKeyFromObject(s.config), found)
	switch {
	case apierrors.IsNotFound(err):
		if err := r.createDataSecret(ctx, s, wanted); err != nil {
			return err
		}
	case err != nil:
		return fmt.Errorf("read data secret: %w", err)
	case !s.mayOwn(found):
		return outcome.Blockedf(bootstrapv1.AltcosBootstrapConfigRenderFailedReason, retryMissing,
			"secret %q exists and does not belong to this object; delete the secret or rename this object", found.Name)
	case !metav1.IsControlledBy(found, s.config) || !bytes.Equal(found.Data[valueKey], s.ignition):
		before := found.DeepCopy()
		found.Data = wanted
		s.own(found)
		if err := r.Client.Patch(ctx, found, client.MergeFrom(before)); err != nil {
			return fmt.Errorf("update data secret: %w", err)
		}
	}
	s.config.Status.DataSecretName = s.config.Name
	return nil
}

func (r *Reconciler) createDataSecret(ctx context.Context, s *scope, data map[string][]byte) error {
	ctrl.LoggerFrom(ctx).Info("Writing data secret", "Secret", s.config.Name)
	err := r.Client.Create(ctx, newDataSecret(s, data))
	if apierrors.IsAlreadyExists(err) {
		return outcome.Waitf(bootstrapv1.AltcosBootstrapConfigWaitingForCacheReason, retrySoon,
			"secret %q exists but is not visible with label %s: it was created a moment ago, or it does not belong to this object; then delete the secret or rename this object",
			s.config.Name, clusterv1.ClusterNameLabel)
	}
	if err != nil {
		return fmt.Errorf("create data secret: %w", err)
	}
	return nil
}

func newDataSecret(s *scope, data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       s.config.Namespace,
			Name:            s.config.Name,
			Labels:          map[string]string{clusterv1.ClusterNameLabel: s.cluster.Name},
			OwnerReferences: []metav1.OwnerReference{*s.controllerRef()},
		},
		Type: clusterv1.ClusterSecretType,
		Data: data,
	}
}

// adoptDataSecret records the Secret that the Machine uses, and renews our owner reference if restoring a backup made it
// stale or dropped it. A Secret with another name is the user's.
func (r *Reconciler) adoptDataSecret(ctx context.Context, s *scope) error {
	name := *s.machine.Spec.Bootstrap.DataSecretName
	s.config.Status.DataSecretName = name
	found := &corev1.Secret{}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: s.config.Namespace, Name: name}, found)
	if err != nil {
		return client.IgnoreNotFound(err) // not needed any more once the machine has started
	}
	if name != s.config.Name || metav1.IsControlledBy(found, s.config) || !s.mayOwn(found) {
		return nil
	}
	before := found.DeepCopy()
	s.own(found)
	if err := r.Client.Patch(ctx, found, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("renew owner of data secret: %w", err)
	}
	return nil
}
