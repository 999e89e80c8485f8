// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
)

func TestOwnAddresses_areNotEndpointsOfClusters(t *testing.T) {
	clusters := make([]infrav1.LibvirtCluster, 4)
	clusters[0].Spec.ControlPlaneEndpoint.Host = "10.150.0.160"
	clusters[1].Spec.ControlPlaneEndpoint.Host = "fd00::160"
	clusters[2].Spec.ControlPlaneEndpoint.Host = "api.example.org"
	clusters[3].Spec.ControlPlaneEndpoint.Host = "10.150.0.3"
	clusters[3].Spec.LoadBalancer.Mode = infrav1.LoadBalancerExternal
	virtual := inventory.VirtualAddresses(clusters)
	tests := map[string]struct{ all, want string }{
		"the host's own alone":                        {"10.150.0.3/24", "10.150.0.3/24"},
		"our endpoint, whatever its prefix":           {"10.150.0.160/24 10.150.0.3/24", "10.150.0.3/24"},
		"an endpoint that nobody here knows":          {"10.150.0.170/32 10.150.0.3/24", "10.150.0.3/24"},
		"each family for itself":                      {"10.150.0.3/24 fd00::160/128 fd00::3/64 fd00::9/128", "10.150.0.3/24 fd00::3/64"},
		"a routed host has a single address":          {"10.150.0.160/32 10.150.0.3/32", "10.150.0.3/32"},
		"an address that a cluster claims":            {"10.150.0.160/24 10.150.0.170/32", "10.150.0.160/24"},
		"a family with nothing but an endpoint of us": {"10.150.0.3/24 fd00::160/128", "10.150.0.3/24 fd00::160/128"},
		"nothing": {"", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var all []netip.Prefix
			for _, text := range strings.Fields(test.all) {
				all = append(all, netip.MustParsePrefix(text))
			}
			got := strings.Trim(fmt.Sprint(inventory.OwnAddresses(all, virtual)), "[]")
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
