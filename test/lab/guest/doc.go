// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package guest builds, without any registry or download of images, a disk image that behaves like ALT Container OS with
// Kubernetes: Ignition in the initramfs, CRI-O, kubelet, kubeadm, container images in a read-only store, and the same faults.
//
// The work is staged, each stage being an artifact of its own: base (packages), initramfs, tools (iptables and the like for
// containers), images (docker-archives), containers (the read-only store) and disk. A change of a file below rootfs/ makes
// only the disk anew.
package guest
