// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// HostsEntry is a line of /etc/hosts.
type HostsEntry struct {
	// address that the names resolve to.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=45
	// +kubebuilder:validation:XValidation:rule="isIP(self)",message="must be an IP address"
	Address string `json:"address,omitempty"`

	// names of the host.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?)*$`
	Names []string `json:"names,omitempty"`
}

// NetworkPluginType is the kind of network plugin that is applied.
// +kubebuilder:validation:Enum=Flannel;None;Manifest
type NetworkPluginType string

// NetworkPluginType values.
const (
	// NetworkPluginFlannel applies the manifest of the OS image.
	NetworkPluginFlannel NetworkPluginType = "Flannel"
	// NetworkPluginNone leaves the network plugin to the user.
	NetworkPluginNone NetworkPluginType = "None"
	// NetworkPluginManifest applies a manifest of the user.
	NetworkPluginManifest NetworkPluginType = "Manifest"
)

// NetworkPlugin of the cluster.
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="(has(self.type) && self.type == 'Manifest') == (has(self.manifest) || has(self.manifestPath))",message="manifest or manifestPath is needed with type Manifest, and only then"
// +kubebuilder:validation:XValidation:rule="!(has(self.manifest) && has(self.manifestPath))",message="manifest and manifestPath exclude each other"
type NetworkPlugin struct {
	// type of the plugin; Flannel when empty, which needs spec.clusterNetwork.pods.cidrBlocks of the Cluster: one address
	// range, or one of each family.
	// +optional
	Type NetworkPluginType `json:"type,omitempty"`

	// manifest to apply.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=131072
	Manifest string `json:"manifest,omitempty"`

	// manifestPath is a file of the OS image.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^/[A-Za-z0-9/_.-]+$`
	ManifestPath string `json:"manifestPath,omitempty"`
}
