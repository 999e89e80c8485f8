// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "k8s.io/apimachinery/pkg/api/resource"

// HostVersions are the versions of a host's software.
// +kubebuilder:validation:MinProperties=1
type HostVersions struct {
	// libvirt is the version of libvirt.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Libvirt string `json:"libvirt,omitempty"`

	// hypervisor is the version of QEMU.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Hypervisor string `json:"hypervisor,omitempty"`
}

// CachedImage is an image on a host that machines are created from.
type CachedImage struct {
	// pool that the image is in.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Pool string `json:"pool,omitempty"`

	// sha256 is the digest of the file at the image's URL.
	// +required
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	SHA256 string `json:"sha256,omitempty"`

	// size of the image in the pool.
	// +optional
	Size *resource.Quantity `json:"size,omitempty"`

	// disks backed by the image.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Disks *int32 `json:"disks,omitempty"`
}
