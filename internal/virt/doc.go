// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package virt is the seam between the controllers and a hypervisor: plain words about domains, volumes and capacity,
// with no libvirt and no Kubernetes types. internal/libvirt implements it over RPC and fakevirt in memory; virttest
// holds the suite that both must pass.
//
// Every call is idempotent: it says what shall be, and says it again after a crash without harm. No call blocks beyond
// its context. "Not there" is ErrNotFound and is only ever said by a host that answered; a host that did not answer is
// ErrUnreachable. Nothing is changed or removed whose ownership is not proven.
package virt
