// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

// Identity is unique among the objects of an API server.
type Identity struct{ Group, Kind, Namespace, Name string }

// IdentityOf returns the identity of an object, whose kind must be set.
func IdentityOf(o client.Object) Identity {
	kind := o.GetObjectKind().GroupVersionKind()
	return Identity{kind.Group, kind.Kind, Namespace(o), o.GetName()}
}

// Namespace returns the namespace that an object is created in, default unless it names one. Objects of unknown kinds
// count as namespaced, which affects nothing.
func Namespace(o client.Object) string {
	switch o.(type) {
	case *infrav1.LibvirtHost, *corev1.Namespace:
		return ""
	}
	if o.GetNamespace() == "" {
		return metav1.NamespaceDefault
	}
	return o.GetNamespace()
}
