// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package libvirtcluster determines the control plane endpoint of a LibvirtCluster, and serves it with haproxy and
// keepalived on its hosts. Phases run in this order, each decides a condition:
//
//	findHosts, selectHosts       HostsReady, which later phases do not require once the cluster is provisioned
//	determineEndpoint, identify  EndpointReady: what hosts know the load balancer by is stored before any gets it
//	ensureLoadBalancer           LoadBalancerReady, absent with an External load balancer
//
// Deletion runs awaitMachinesGone, findHosts, releaseLoadBalancer and releaseEndpoint; Ready reports it.
package libvirtcluster
