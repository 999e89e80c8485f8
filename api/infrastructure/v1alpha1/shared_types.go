// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

// ReadyCondition and PausedCondition are the contract's names, repeated so that users of this package need one import.
const (
	ReadyCondition  = clusterv1.ReadyCondition
	PausedCondition = clusterv1.PausedCondition
)

// InitializationStatus is the progress of the first provisioning.
// NOTE: this struct is part of the Cluster API contract.
// +kubebuilder:validation:MinProperties=1
type InitializationStatus struct {
	// provisioned is true after the first provisioning; it never becomes false again.
	// +optional
	Provisioned *bool `json:"provisioned,omitempty"`
}

// ObjectReference names an object; the field that uses it determines kind and namespace.
type ObjectReference struct {
	// name of the object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// AddressPoolReference names a pool of an IPAM provider, for example an InClusterIPPool, in the same namespace.
type AddressPoolReference struct {
	// apiGroup of the pool; ipam.cluster.x-k8s.io when empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	APIGroup string `json:"apiGroup,omitempty"`

	// kind of the pool; InClusterIPPool when empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind,omitempty"`

	// name of the pool.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// Route is a static route.
type Route struct {
	// to is the destination in CIDR form.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="isCIDR(self)",message="must be an address range such as 10.0.0.0/8"
	To string `json:"to,omitempty"`

	// via is the next hop.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=45
	// +kubebuilder:validation:XValidation:rule="isIP(self)",message="must be an IP address"
	Via string `json:"via,omitempty"`

	// metric of the route.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Metric *int32 `json:"metric,omitempty"`
}
