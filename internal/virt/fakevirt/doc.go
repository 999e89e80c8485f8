// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package fakevirt is a stateful hypervisor in memory. kubectl-altcos renders machines with it, without any host, and tests
// use it as their hosts. It is as strict as libvirt where libvirt is strict (names, missing pools and files, double use of a
// disk), passes the contract of package virt (virttest.Run), and fails on demand: see Fault.
package fakevirt
