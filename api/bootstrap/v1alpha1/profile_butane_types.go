// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// ButaneSourceKind is the kind of an object that holds a config.
// +kubebuilder:validation:Enum=Secret;ConfigMap
type ButaneSourceKind string

// ButaneSourceKind values.
const (
	ButaneSourceSecret    ButaneSourceKind = "Secret"
	ButaneSourceConfigMap ButaneSourceKind = "ConfigMap"
)

// ButaneSource is a config in an object.
type ButaneSource struct {
	// kind of the object. Errors in a Secret are reported by line and column only.
	// +required
	Kind ButaneSourceKind `json:"kind,omitempty"`

	// name of the object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// key in the object's data.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key,omitempty"`
}
