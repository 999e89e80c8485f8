// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package domainxml turns the words of package virt into libvirt's domain XML and back. It is pure: what depends on the
// host (paths of volumes, accelerator, machine type) is handed in.
package domainxml
