// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cloudconfig reads the cloud-config that Cluster API's kubeadm bootstrap provider (CABPK) writes.
//
// It is strict: whatever it does not know is an error that names the place, so nothing is lost on the way to
// Ignition. It reads the subset CABPK v1.14 emits (write_files, bootcmd, runcmd, ntp, users, disk_setup, fs_setup,
// mounts) with cloud-init's meaning, and resolves Jinja names as cloud-init would. It is pure and allocates no more
// than a fixed multiple of its input plus MaxDecoded.
package cloudconfig
