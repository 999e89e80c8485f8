// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package logkeys holds the keys of log lines for things that are no Kubernetes objects, so that one thing has one key.
package logkeys

// Keys for logr key-value pairs. Kubernetes objects use their kind as the key and klog.KObj as the value.
const (
	Host     = "host"     // name of a hypervisor host
	Domain   = "domain"   // UUID of a libvirt domain
	Pool     = "pool"     // storage pool of a host
	Image    = "image"    // sha256 of an image
	Bytes    = "bytes"    // size of an image or of a transfer
	Address  = "address"  // IP address, or address and port
	VIP      = "vip"      // virtual IP address of a control plane
	Task     = "task"     // key of a background task
	Phase    = "phase"    // phase of a reconciliation
	Reason   = "reason"   // reason of a wait, a failure or an event
	Duration = "duration" // how long something took
)
