// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package libvirthost reconciles LibvirtHosts: it finds out what a hypervisor has, whether machines can run on it, and
// prepares it as far as its spec allows.
package libvirthost
