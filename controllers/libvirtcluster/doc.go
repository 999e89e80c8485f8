// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package libvirtcluster reconciles LibvirtClusters: it determines the control plane's endpoint and serves it by haproxy
// and keepalived on the hosts.
package libvirtcluster
