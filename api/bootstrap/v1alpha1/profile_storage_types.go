// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// StorageDriver is the driver of the container storage.
// +kubebuilder:validation:Enum=Btrfs;Overlay
type StorageDriver string

// StorageDriver values.
const (
	StorageDriverBtrfs   StorageDriver = "Btrfs"
	StorageDriverOverlay StorageDriver = "Overlay"
)

// ContainerStorage is one btrfs file system for the storage of CRI-O, podman and docker.
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!(has(self.dataDisk) && has(self.device))",message="dataDisk and device exclude each other"
// +kubebuilder:validation:XValidation:rule="!has(self.label) || has(self.dataDisk) || has(self.device)",message="label needs dataDisk or device"
// +kubebuilder:validation:XValidation:rule="!has(self.driver) || self.driver != 'Btrfs' || has(self.dataDisk) || has(self.device)",message="Btrfs needs dataDisk or device, since the root disk is ext4"
type ContainerStorage struct {
	// dataDisk is the name of a data disk of the LibvirtMachine.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	DataDisk string `json:"dataDisk,omitempty"`

	// device is the path of a disk in the machine; everything on it is lost.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^/dev/[A-Za-z0-9/_.:+-]+$`
	Device string `json:"device,omitempty"`

	// label of the partition and the file system on the disk, which is mounted at /var/mnt/<label>; docker when empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_]+$`
	Label string `json:"label,omitempty"`

	// driver of the storage; Btrfs when empty and there is a disk, Overlay without one.
	// +optional
	Driver StorageDriver `json:"driver,omitempty"`

	// additionalImageStores are directories of the OS image with images that need no loading. They only work with the
	// driver that created them.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	// +kubebuilder:validation:items:Pattern=`^/[A-Za-z0-9/_.-]+$`
	AdditionalImageStores []string `json:"additionalImageStores,omitempty"`
}

// ImagePreload defines whether images are loaded from archives.
// +kubebuilder:validation:Enum=None;Archives
type ImagePreload string

// ImagePreload values.
const (
	ImagePreloadNone     ImagePreload = "None"
	ImagePreloadArchives ImagePreload = "Archives"
)
