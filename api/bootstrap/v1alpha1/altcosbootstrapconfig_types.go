// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// ReadyCondition and PausedCondition are the contract's names, repeated so that users of this package need one import.
const (
	ReadyCondition  = clusterv1.ReadyCondition
	PausedCondition = clusterv1.PausedCondition
)

// AltcosBootstrapConfigSpec describes how a machine becomes a node.
type AltcosBootstrapConfigSpec struct {
	// kubeadm configures kubeadm, as in a KubeadmConfig. Its format is cloud-config or empty, and its ignition is refused:
	// use butane.
	// +optional
	Kubeadm bootstrapv1.KubeadmConfigSpec `json:"kubeadm,omitempty,omitzero"`

	AltcosProfile `json:",inline"`
}

// AltcosBootstrapConfigInitializationStatus is the progress of the first provisioning.
// NOTE: this struct is part of the Cluster API contract.
// +kubebuilder:validation:MinProperties=1
type AltcosBootstrapConfigInitializationStatus struct {
	// dataSecretCreated is true when the Secret named by dataSecretName exists; it never becomes false again.
	// +optional
	DataSecretCreated *bool `json:"dataSecretCreated,omitempty"`
}

// AltcosBootstrapConfigStatus is the observed state of an AltcosBootstrapConfig.
// +kubebuilder:validation:MinProperties=1
type AltcosBootstrapConfigStatus struct {
	// conditions of the config: Ready, KubeadmDataReady, DataSecretAvailable and Paused.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// initialization tells that the Secret has been created.
	// +optional
	Initialization AltcosBootstrapConfigInitializationStatus `json:"initialization,omitempty,omitzero"`

	// dataSecretName is the Secret with the Ignition config.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	DataSecretName string `json:"dataSecretName,omitempty"`

	// observedGeneration is the most recently observed generation.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
}

// AltcosBootstrapConfig creates the Ignition config that turns a machine with ALT Container OS into a node.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:metadata:labels={"cluster.x-k8s.io/v1beta2=v1alpha1","clusterctl.cluster.x-k8s.io="}
// +kubebuilder:resource:path=altcosbootstrapconfigs,scope=Namespaced,categories=cluster-api,shortName=abc
// +kubebuilder:printcolumn:name="Cluster",type="string",JSONPath=".metadata.labels.cluster\\.x-k8s\\.io/cluster-name",description="Cluster it belongs to"
// +kubebuilder:printcolumn:name="Machine",type="string",JSONPath=".metadata.ownerReferences[?(@.kind==\"Machine\")].name",description="Machine it serves"
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].status",description="Whether the data exists"
// +kubebuilder:printcolumn:name="Data secret",type="string",JSONPath=".status.dataSecretName",description="Secret with the Ignition config"
// +kubebuilder:printcolumn:name="Message",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].message",priority=10,description="What is wrong"
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp",description="Time since creation"
type AltcosBootstrapConfig struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +optional
	Spec AltcosBootstrapConfigSpec `json:"spec,omitempty,omitzero"`

	// status is the observed state.
	// +optional
	Status AltcosBootstrapConfigStatus `json:"status,omitempty,omitzero"`
}

// GetConditions returns the conditions of the config.
func (c *AltcosBootstrapConfig) GetConditions() []metav1.Condition { return c.Status.Conditions }

// SetConditions replaces the conditions of the config.
func (c *AltcosBootstrapConfig) SetConditions(conditions []metav1.Condition) {
	c.Status.Conditions = conditions
}

// AltcosBootstrapConfigList is a list of AltcosBootstrapConfigs.
//
// +kubebuilder:object:root=true
type AltcosBootstrapConfigList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AltcosBootstrapConfig `json:"items"`
}
