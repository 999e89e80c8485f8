// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package loadbalancer describes a cluster's control-plane endpoint on hypervisor hosts: one haproxy instance and one VRRP
// instance of keepalived per cluster, in files and units of our own beside the distribution's. It is pure:
//
//	Cluster + Member → Render → Tree        the files that a host should have
//	output of a host → ParseState → State   what it has
//	Tree + State     → NewPlan → Plan       what has to change
//
// Package rollout brings it to the hosts.
package loadbalancer
