// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package libvirtd runs a private libvirtd with the real QEMU driver for tests: in its own network, mount and PID
// namespaces, with a bridge and a storage pool, without systemd, in about a second. The machine's own libvirt, if there
// is one, is not touched, and nothing outlives the test process.
package libvirtd
