// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// LibvirtMachineTemplateSpec holds what LibvirtMachines are created from.
type LibvirtMachineTemplateSpec struct {
	// template of a LibvirtMachine. It cannot be changed; create another template instead.
	// +required
	Template LibvirtMachineTemplateResource `json:"template,omitempty,omitzero"`
}

// LibvirtMachineTemplateResource describes the LibvirtMachines to create.
type LibvirtMachineTemplateResource struct {
	// metadata that the LibvirtMachine gets.
	// +optional
	ObjectMeta clusterv1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec that the LibvirtMachine gets.
	// +required
	Spec LibvirtMachineSpec `json:"spec,omitempty,omitzero"`
}

// LibvirtMachineTemplateStatus tells the cluster autoscaler what a machine offers.
// +kubebuilder:validation:MinProperties=1
type LibvirtMachineTemplateStatus struct {
	// capacity of a machine created from the template.
	// +optional
	Capacity corev1.ResourceList `json:"capacity,omitempty"`

	// nodeInfo of a machine created from the template.
	// +optional
	NodeInfo NodeInfo `json:"nodeInfo,omitempty,omitzero"`
}

// NodeInfo describes the node of a machine.
// +kubebuilder:validation:MinProperties=1
type NodeInfo struct {
	// architecture of the node.
	// +optional
	// +kubebuilder:validation:Enum=amd64;arm64;s390x;ppc64le
	Architecture string `json:"architecture,omitempty"`

	// operatingSystem of the node.
	// +optional
	// +kubebuilder:validation:Enum=linux
	OperatingSystem string `json:"operatingSystem,omitempty"`
}

// LibvirtMachineTemplate describes the LibvirtMachines to create.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:metadata:labels={"cluster.x-k8s.io/v1beta2=v1alpha1","clusterctl.cluster.x-k8s.io="}
// +kubebuilder:resource:path=libvirtmachinetemplates,scope=Namespaced,categories=cluster-api,shortName=lvmt
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp",description="Time since creation"
type LibvirtMachineTemplate struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the template.
	// +required
	Spec LibvirtMachineTemplateSpec `json:"spec,omitempty,omitzero"`

	// status is derived from the spec.
	// +optional
	Status LibvirtMachineTemplateStatus `json:"status,omitempty,omitzero"`
}

// LibvirtMachineTemplateList is a list of LibvirtMachineTemplates.
//
// +kubebuilder:object:root=true
type LibvirtMachineTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []LibvirtMachineTemplate `json:"items"`
}
