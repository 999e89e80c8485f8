// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcosbootstrapconfig

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
)

const kind = "AltcosBootstrapConfig"

func (s *scope) controllerRef() *metav1.OwnerReference {
	return metav1.NewControllerRef(s.config, bootstrapv1.GroupVersion.WithKind(kind))
}

// named reports whether a reference means this object by its name. The UID may be another one: a backup restores
// references as they were, and gives objects new UIDs.
func (s *scope) named(ref *metav1.OwnerReference) bool {
	return ref != nil && isOurs(ref) && ref.Name == s.config.Name
}

func isOurs(ref *metav1.OwnerReference) bool {
	return refersTo(ref, bootstrapv1.GroupVersion.Group, kind)
}

func refersTo(ref *metav1.OwnerReference, group, kind string) bool {
	gv, err := schema.ParseGroupVersion(ref.APIVersion)
	return err == nil && gv.Group == group && ref.Kind == kind
}

// mayOwn reports whether a Secret of our name is our data Secret: we control it, or we did before a backup, which may also
// have dropped the references.
func (s *scope) mayOwn(secret *corev1.Secret) bool {
	if controller := metav1.GetControllerOf(secret); controller != nil {
		return s.named(controller)
	}
	return secret.Type == clusterv1.ClusterSecretType && secret.Labels[clusterv1.ClusterNameLabel] == s.cluster.Name
}

// own makes this object the controller, in place of what it was before a backup; other owners stay.
func (s *scope) own(secret *corev1.Secret) {
	others := slices.DeleteFunc(secret.OwnerReferences, func(ref metav1.OwnerReference) bool {
		return s.named(&ref) || ptr.Deref(ref.Controller, false)
	})
	secret.OwnerReferences = append(others, *s.controllerRef())
}
