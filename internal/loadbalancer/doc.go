// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package loadbalancer keeps a cluster's control-plane endpoint on hypervisor hosts: one haproxy instance and one
// VRRP instance of keepalived per cluster, in files and units of our own beside the distribution's.
//
// Render is pure: a Cluster and a Member give a Tree of files. Observe reads one host, NewPlan compares, Apply and
// Remove run one script that stages, validates, switches, reloads and verifies, or puts everything back. Ensure and
// Release do it over all hosts of a cluster, one at a time.
package loadbalancer
