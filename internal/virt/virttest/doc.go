// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package virttest is the behaviour that package virt promises, as tests. fakevirt and the libvirt adapter both pass
// it, so that what controllers learn from the fake holds on a hypervisor.
package virttest
