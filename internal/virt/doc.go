// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package virt is the seam between the controllers and a hypervisor: what controllers need of domains, volumes and
// capacity, with no libvirt and no Kubernetes types. internal/libvirt implements it over RPC and fakevirt in memory; virttest
// holds the suite that both must pass.
//
// Every call is idempotent: it describes the wanted state and can be repeated after a crash. No call blocks beyond its
// context. ErrNotFound is returned only when the host answered; a host that did not answer is ErrUnreachable. Nothing is
// changed or removed whose ownership is not proven.
package virt
