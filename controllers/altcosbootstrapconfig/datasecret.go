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
	"sigs.k8s.io/cluster-api/util"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/bootstrapdata"
	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/render"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/profilesource"
)

// Keys of a data Secret, by the contract and by the habit of the kubeadm bootstrap provider.
const (
	valueKey  = "value"
	formatKey = "format"
)

// retryMissing is how soon objects that the profile names are looked for again: they are not watched.
const retryMissing = 30 * time.Second

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
	input := render.Input{Bootstrap: data, Names: cloudconfig.Names{Hostname: s.machine.Name}}
	machine := profilesource.Machine{Cluster: s.cluster, ControlPlane: util.IsControlPlaneMachine(s.machine)}
	input.Profile, input.UserLayers, err = profilesource.Resolve(ctx, r.Client, machine, &s.config.Spec.AltcosProfile)
	if errors.Is(err, profilesource.ErrMissing) {
		return outcome.Waitf(bootstrapv1.AltcosBootstrapConfigProfileMissingReason, retryMissing, "%s", err)
	}
	if err == nil {
		s.ignition, err = render.Render(input)
	}
	if err != nil && render.Terminal(err) {
		return &outcome.Terminal{Reason: bootstrapv1.AltcosBootstrapConfigRenderFailedReason, Err: err}
	}
	return err
}

// writeDataSecret stores the config under our own name.
func (r *Reconciler) writeDataSecret(ctx context.Context, s *scope) error {
	wanted := map[string][]byte{valueKey: s.ignition, formatKey: []byte(bootstrapdata.FormatIgnition)}
	found := &corev1.Secret{}
	err := r.Client.Get(ctx, client.ObjectKeyFromObject(s.config), found)
	switch {
	case apierrors.IsNotFound(err):
		ctrl.LoggerFrom(ctx).Info("Writing data secret", "Secret", s.config.Name)
		if err := r.Client.Create(ctx, newDataSecret(s, wanted)); err != nil {
			return fmt.Errorf("create data secret: %w", err)
		}
	case err != nil:
		return fmt.Errorf("read data secret: %w", err)
	case !metav1.IsControlledBy(found, s.config):
		return outcome.Terminalf(bootstrapv1.AltcosBootstrapConfigRenderFailedReason,
			"secret %q exists and does not belong to this object; delete it or rename this object", found.Name)
	case !bytes.Equal(found.Data[valueKey], s.ignition):
		before := found.DeepCopy()
		found.Data = wanted
		if err := r.Client.Patch(ctx, found, client.MergeFrom(before)); err != nil {
			return fmt.Errorf("update data secret: %w", err)
		}
	}
	s.config.Status.DataSecretName = s.config.Name
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

func (s *scope) controllerRef() *metav1.OwnerReference {
	return metav1.NewControllerRef(s.config, bootstrapv1.GroupVersion.WithKind("AltcosBootstrapConfig"))
}

// adoptDataSecret tells of the Secret that the Machine uses, and renews an owner reference that a backup has made stale.
func (r *Reconciler) adoptDataSecret(ctx context.Context, s *scope) error {
	name := *s.machine.Spec.Bootstrap.DataSecretName
	s.config.Status.DataSecretName = name
	found := &corev1.Secret{}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: s.config.Namespace, Name: name}, found)
	if err != nil {
		return client.IgnoreNotFound(err) // a machine that has started needs it no more
	}
	if owner := metav1.GetControllerOf(found); owner != nil && owner.UID == s.config.UID {
		return nil
	} else if owner != nil && (owner.Kind != "AltcosBootstrapConfig" || owner.Name != s.config.Name) {
		return nil // somebody else's, named by the user
	}
	before := found.DeepCopy()
	found.OwnerReferences = []metav1.OwnerReference{*s.controllerRef()}
	if err := r.Client.Patch(ctx, found, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("renew owner of data secret: %w", err)
	}
	return nil
}
