// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "k8s.io/apimachinery/pkg/api/resource"

// DiskProvisioning defines how the root disk is created from the image.
// +kubebuilder:validation:Enum=Overlay;Copy
type DiskProvisioning string

// DiskProvisioning values.
const (
	// DiskOverlay stores only what differs from the image.
	DiskOverlay DiskProvisioning = "Overlay"
	// DiskCopy copies the image.
	DiskCopy DiskProvisioning = "Copy"
)

// Image is the source of the root disk: a URL with its digest, or a volume that is already in the pool.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="has(self.url) != has(self.volume)",message="exactly one of url and volume is needed"
// +kubebuilder:validation:XValidation:rule="has(self.url) == has(self.sha256)",message="sha256 is needed with url, and only then"
type Image struct {
	// url of a disk image (qcow2 or raw), plain or compressed with xz, gzip or zstd: http, https, or file for a file
	// that the manager can read.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.startsWith('http://') || self.startsWith('https://') || self.startsWith('file:///')",message="must be an http, https or file URL"
	URL string `json:"url,omitempty"`

	// sha256 of the file at url, in hexadecimal.
	// +optional
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{64}$`
	SHA256 string `json:"sha256,omitempty"`

	// volume in the machine's storage pool that holds the image. It must not be one that the provider created
	// for a machine.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9][A-Za-z0-9._:+-]*$`
	// +kubebuilder:validation:XValidation:rule="!self.matches('^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}') && !self.endsWith('.ign') && !self.endsWith('.ok')",message="must be the name of an image, not of a machine's disk, its bootstrap data or a marker"
	Volume string `json:"volume,omitempty"`
}

// RootDisk of a machine.
// +kubebuilder:validation:MinProperties=1
type RootDisk struct {
	// size of the disk; the image's size when empty or smaller.
	// +optional
	Size *resource.Quantity `json:"size,omitempty"`

	// provisioning is Overlay for a thin disk on the image, or Copy; Overlay when empty.
	// +optional
	Provisioning DiskProvisioning `json:"provisioning,omitempty"`
}

// DataDisk is an empty disk.
type DataDisk struct {
	// name of the disk: its serial number in the machine.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	// +kubebuilder:validation:XValidation:rule="self != 'root'",message="root is the name of the root disk"
	Name string `json:"name,omitempty"`

	// size of the disk.
	// +required
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).compareTo(quantity('1Mi')) >= 0",message="must be at least 1Mi"
	Size resource.Quantity `json:"size,omitempty"`
}
