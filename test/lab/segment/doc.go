// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package segment is the local network of a lab: one Ethernet segment that hypervisor hosts, their virtual machines and
// the management cluster share. It lives in network namespaces only, so nothing of it meets the machine's own network,
// and labs of different names do not meet one another although they use the same addresses.
//
//	altcos-<lab>-lan           bridge lan0, 10.150.0.1/24; the management cluster runs here
//	altcos-<lab>-<host>        bridge br0 with the host's address, up0 as its uplink to lan0
package segment
