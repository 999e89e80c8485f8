// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"net/netip"
	"slices"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

// VirtualAddresses are the endpoints that hosts may hold for clusters.
func VirtualAddresses(clusters []infrav1.LibvirtCluster) []netip.Addr {
	var found []netip.Addr
	for i := range clusters {
		if clusters[i].Spec.LoadBalancer.Mode == infrav1.LoadBalancerExternal {
			continue
		}
		if address, err := netip.ParseAddr(clusters[i].Spec.ControlPlaneEndpoint.Host); err == nil {
			found = append(found, address)
		}
	}
	return found
}

// OwnAddresses are those of a bridge's addresses that are the host's own and not endpoints which it happens to hold: those
// have full-length prefixes, as we and others set them. Of a family that has nothing better the worse ones are taken, so
// that a cluster which claims a host's address as its endpoint does not make the host unusable for all others.
func OwnAddresses(all []netip.Prefix, virtual []netip.Addr) []netip.Prefix {
	rank := func(prefix netip.Prefix) int {
		rank := 0
		if prefix.IsSingleIP() {
			rank += 2
		}
		if slices.Contains(virtual, prefix.Addr()) {
			rank++
		}
		return rank
	}
	best := map[bool]int{true: 4, false: 4}
	for _, prefix := range all {
		best[prefix.Addr().Is4()] = min(best[prefix.Addr().Is4()], rank(prefix))
	}
	var own []netip.Prefix
	for _, prefix := range all {
		if rank(prefix) == best[prefix.Addr().Is4()] {
			own = append(own, prefix)
		}
	}
	return own
}
