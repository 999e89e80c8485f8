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

// Keys of a data Secret, by the contract and by the habit of the kubeadm bootstrap provider.
const (
	valueKey  = "value"
	formatKey = "format"
)

// When to look again.
const (
	// retryMissing is for what somebody else has to bring or to take away, and which is not watched.
	retryMissing = 30 * time.Second
	// retrySoon is for what our cache does not know yet.
	retrySoon = 2 * time.Second
)

// render turns the kubeadm data and the profile into an Ignition config. The node's own part is added by the
// infrastructure, which knows addresses and host.
func (r *Reconciler) render(ctx context.Context, s *scope) error {
	data, err := bootstrapdata.Read(s.kubeadmData)
	if errors.Is(err, bootstrapdata.ErrMissing) {
		return outcome.Waitf(bootstrapv1.AltcosBootstrapConfigWaitingForKubeadmReason, 0, "the kubeadm bootstrap provider's secret is empty")
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

// explainRender sorts what kept the config from being rendered.
func (s *scope) explainRender(err error) error {
	switch {
	case errors.Is(err, profilesource.ErrUnseen):
		return outcome.Waitf(bootstrapv1.AltcosBootstrapConfigWaitingForCacheReason, retrySoon, "%s", err)
	case errors.Is(err, profilesource.ErrMissing):
		return outcome.Blockedf(bootstrapv1.AltcosBootstrapConfigProfileMissingReason, retryMissing, "%s", err)
	case err == nil || !render.IsInputError(err):
		return err
	case len(s.config.Spec.ButaneFrom) > 0: // a change of what it names makes the config good, and is not watched
		return outcome.Blockedf(bootstrapv1.AltcosBootstrapConfigRenderFailedReason, retryMissing, "%s", err)
	}
	return &outcome.Terminal{Reason: bootstrapv1.AltcosBootstrapConfigRenderFailedReason, Err: err}
}

// writeDataSecret stores the config under our own name.
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
			"secret %q exists and does not belong to this object; delete it or rename this object", found.Name)
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
			"secret %q exists but is not seen with label %s: it was created a moment ago, or it is not of this object; then delete it or rename this object",
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

// adoptDataSecret tells of the Secret that the Machine uses, and renews our owner reference when a backup has made it
// stale or dropped it. A Secret of another name is the user's.
func (r *Reconciler) adoptDataSecret(ctx context.Context, s *scope) error {
	name := *s.machine.Spec.Bootstrap.DataSecretName
	s.config.Status.DataSecretName = name
	found := &corev1.Secret{}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: s.config.Namespace, Name: name}, found)
	if err != nil {
		return client.IgnoreNotFound(err) // a machine that has started needs it no more
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
