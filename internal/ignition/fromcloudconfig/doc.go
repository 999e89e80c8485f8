// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package fromcloudconfig translates a cloud-config of Cluster API's kubeadm bootstrap provider to Ignition.
//
// Files, users, disks, file systems and mounts become Ignition's own; commands become one script that one unit runs
// once, with kubeadm in the middle. What Ignition cannot do is refused with field path and reason, never dropped.
//
// Files get their owners from Ignition where it can look them up, which is so for root, altcos, the groups of every image,
// numbers, and the users and groups of the same cloud-config. Others are looked up by the script, before all commands; as
// under cloud-init a user that a command makes comes too late.
//
// Text that is added to a file of the image begins with a line break: whether its last line has one is not known.
//
// A mount without options gets cloud-init's, which have nofail: kubeadm waits for it, and runs without it when it fails. It
// needs a mount that has options without nofail, such as "defaults".
//
// Three facts shape it. Ignition writes before the real root is mounted, so what belongs below /run is staged on disk
// and put in place by the script. cloud-init runs its commands once in the life of a machine, so does the unit.
// kubeadm prints tokens and keys, so output goes to a file for root alone and only progress goes to the journal.
package fromcloudconfig
