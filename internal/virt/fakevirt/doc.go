// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package fakevirt is a stateful hypervisor in memory for tests. It is as strict as libvirt where libvirt is strict
// (names, missing pools and files, double use of a disk), keeps the promises of package virt (virttest.Run passes on
// it), and misbehaves on demand: see Fault.
package fakevirt
