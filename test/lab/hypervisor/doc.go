// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package hypervisor creates the hosts of a lab: each is a Debian system with real systemd as its first process, in
// namespaces of its own (network, mount, PID, UTS, IPC, cgroup), with libvirtd, sshd, haproxy and keepalived as ordinary
// units and the bridge br0 on the lab's segment.
//
// All hosts share one read-only root file system from the artifact store; what a host writes lies in its state
// directory. A host outlives the program that started it: a later Ensure with the same state directory finds it again.
// Nothing of a host is mounted outside its own namespaces, so when its first process ends, everything has ended.
package hypervisor
