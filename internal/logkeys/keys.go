// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package logkeys holds the keys of log lines for things that are no Kubernetes objects, so that one thing has one key.
package logkeys

// Keys for logr key-value pairs. Kubernetes objects use their kind as the key and klog.KObj as the value.
const (
	Host       = "host"       // name of a hypervisor host
	Domain     = "domain"     // UUID of a libvirt domain
	DomainName = "domainName" // name of a libvirt domain
	Pool       = "pool"       // storage pool of a host
	Volume     = "volume"     // volume of a pool
	Image      = "image"      // sha256 of an image
	Interface  = "interface"  // network interface of a host or guest
	Address    = "address"    // IP address
	VIP        = "vip"        // virtual IP address of a control plane
	Phase      = "phase"      // phase of a reconciliation
	Reason     = "reason"     // reason of a wait, a failure or an event
	Task       = "task"       // key of a background task
	Duration   = "duration"   // how long something took
	Bytes      = "bytes"      // size of a transfer
)
