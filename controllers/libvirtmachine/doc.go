// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package libvirtmachine makes a LibvirtMachine a running virtual machine, and removes it without a trace.
//
// Reconcile goes through phases in order and stops at the first that has to wait or fails. Each phase ensures one
// thing, can be repeated after a crash at any place, and owns one condition. No phase reads a condition: what is done
// already is read from the spec, from the Machine and from the host. Identity (spec.providerID) and place (spec.host)
// are stored before anything exists on a host, so that nothing can be lost or made twice.
package libvirtmachine
