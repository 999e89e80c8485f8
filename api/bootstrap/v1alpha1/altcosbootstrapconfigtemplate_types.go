// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// AltcosBootstrapConfigTemplateSpec holds what AltcosBootstrapConfigs are created from.
type AltcosBootstrapConfigTemplateSpec struct {
	// template of an AltcosBootstrapConfig. It cannot be changed; create another template instead.
	// +required
	Template AltcosBootstrapConfigTemplateResource `json:"template,omitempty,omitzero"`
}

// AltcosBootstrapConfigTemplateResource describes the AltcosBootstrapConfigs to create.
// +kubebuilder:validation:MinProperties=1
type AltcosBootstrapConfigTemplateResource struct {
	// metadata that the AltcosBootstrapConfig gets.
	// +optional
	ObjectMeta clusterv1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec that the AltcosBootstrapConfig gets.
	// +optional
	Spec AltcosBootstrapConfigSpec `json:"spec,omitempty,omitzero"`
}

// AltcosBootstrapConfigTemplate describes the AltcosBootstrapConfigs to create, and the profile of control plane machines
// whose LibvirtMachine names it.
//
// +kubebuilder:object:root=true
// +kubebuilder:metadata:labels={"cluster.x-k8s.io/v1beta2=v1alpha1","clusterctl.cluster.x-k8s.io="}
// +kubebuilder:resource:path=altcosbootstrapconfigtemplates,scope=Namespaced,categories=cluster-api,shortName=abct
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp",description="Time since creation"
type AltcosBootstrapConfigTemplate struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the template.
	// +required
	Spec AltcosBootstrapConfigTemplateSpec `json:"spec,omitempty,omitzero"`
}

// AltcosBootstrapConfigTemplateList is a list of AltcosBootstrapConfigTemplates.
//
// +kubebuilder:object:root=true
type AltcosBootstrapConfigTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AltcosBootstrapConfigTemplate `json:"items"`
}
