// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package boot starts a machine from a disk image with plain QEMU and reads its serial console. It needs no libvirt, no
// network and no right but to run QEMU; it exists to try an image, and to find out whether this machine's KVM works.
package boot
