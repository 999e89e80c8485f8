// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// LibvirtClusterTemplateSpec holds what LibvirtClusters are created from.
type LibvirtClusterTemplateSpec struct {
	// template of a LibvirtCluster. It cannot be changed; create another template instead.
	// +required
	Template LibvirtClusterTemplateResource `json:"template,omitempty,omitzero"`
}

// LibvirtClusterTemplateResource describes the LibvirtClusters to create.
type LibvirtClusterTemplateResource struct {
	// metadata that the LibvirtCluster gets.
	// +optional
	ObjectMeta clusterv1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec that the LibvirtCluster gets.
	// +required
	Spec LibvirtClusterSpec `json:"spec,omitempty,omitzero"`
}

// LibvirtClusterTemplate describes the LibvirtClusters to create.
//
// +kubebuilder:object:root=true
// +kubebuilder:metadata:labels={"cluster.x-k8s.io/v1beta2=v1alpha1","clusterctl.cluster.x-k8s.io="}
// +kubebuilder:resource:path=libvirtclustertemplates,scope=Namespaced,categories=cluster-api,shortName=lvct
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp",description="Time since creation"
type LibvirtClusterTemplate struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the template.
	// +required
	Spec LibvirtClusterTemplateSpec `json:"spec,omitempty,omitzero"`
}

// LibvirtClusterTemplateList is a list of LibvirtClusterTemplates.
//
// +kubebuilder:object:root=true
type LibvirtClusterTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []LibvirtClusterTemplate `json:"items"`
}
