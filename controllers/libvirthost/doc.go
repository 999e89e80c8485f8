// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package libvirthost checks whether machines and load balancers can run on a LibvirtHost, reports its resources, and
// prepares it as far as its spec allows. Each check decides a condition, and all run if the first succeeds:
//
//	connect, openShell    Reachable
//	checkNetwork          NetworkReady: the bridge exists, and the host's packet filter leaves its traffic alone
//	checkStorage          StorageReady
//	checkLoadBalancer     LoadBalancerReady: haproxy and keepalived are installed; not counted in Ready
//
// Afterwards tidyImages removes unused images. Deletion (release) waits for machines and load balancers to leave the host,
// and then removes what the provider has put on it.
package libvirthost
