// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package nodenetwork_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/nodenetwork"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

var byValue = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

// Neighbours and DHCP servers remember these addresses: they are the same in every version.
const firstMAC, secondMAC = "52:54:00:c6:f6:d2", "52:54:00:00:00:02"

func TestFromAPI_firstInterfaceTakesTheClustersNetwork(t *testing.T) {
	a, p := netip.MustParseAddr, netip.MustParsePrefix
	pools, others := []infrav1.AddressPoolReference{{Name: "nodes"}}, []infrav1.AddressPoolReference{{Name: "storage"}}
	cluster := infrav1.NodeNetwork{
		AddressPoolRefs: pools,
		IPSettings:      infrav1.IPSettings{Gateways: []string{"10.0.0.1"}, Nameservers: []string{"10.0.0.53"}, SearchDomains: []string{"lab.example"}},
	}
	cases := map[string]struct {
		specs []infrav1.NetworkInterface
		want  []nodenetwork.Interface
	}{
		"no interface is one of the cluster": {nil, []nodenetwork.Interface{{
			MAC: firstMAC, Pools: pools, Gateways: []netip.Addr{a("10.0.0.1")}, Nameservers: []netip.Addr{a("10.0.0.53")}, SearchDomains: []string{"lab.example"},
		}}},
		"DHCP takes nothing": {[]infrav1.NetworkInterface{{DHCP: infrav1.DHCPBoth}}, []nodenetwork.Interface{{MAC: firstMAC, DHCP: infrav1.DHCPBoth}}},
		"no addresses at all": {[]infrav1.NetworkInterface{{DHCP: infrav1.DHCPNone, IPSettings: infrav1.IPSettings{Gateways: []string{"10.0.0.9"}, Nameservers: []string{"10.0.0.9"}, SearchDomains: []string{"x"}}}},
			[]nodenetwork.Interface{{MAC: firstMAC, DHCP: infrav1.DHCPNone, Gateways: []netip.Addr{a("10.0.0.9")}, Nameservers: []netip.Addr{a("10.0.0.9")}, SearchDomains: []string{"x"}}}},
		"the second takes nothing": {
			[]infrav1.NetworkInterface{
				{Addresses: []string{"10.0.0.5/24"}},
				{MACAddress: secondMAC, Bridge: "br1", VLAN: 7, GuestVLAN: 8, MTU: 9000, AddressPoolRefs: others,
					Routes: []infrav1.Route{{To: "10.9.1.1/16", Via: "10.1.0.1", Metric: new(int32(5))}}},
			},
			[]nodenetwork.Interface{
				{MAC: firstMAC, Addresses: []netip.Prefix{p("10.0.0.5/24")}, Gateways: []netip.Addr{a("10.0.0.1")}, Nameservers: []netip.Addr{a("10.0.0.53")}, SearchDomains: []string{"lab.example"}},
				{MAC: secondMAC, Bridge: "br1", VLAN: 7, GuestVLAN: 8, MTU: 9000, Pools: others,
					Routes: []nodenetwork.Route{{Destination: p("10.9.0.0/16"), Via: a("10.1.0.1"), Metric: 5}}},
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := nodenetwork.FromAPI(c.specs, cluster, "3d9cf1f0-0000-4000-8000-000000000001")
			assert.NoError(t, err)
			assert.Equal(t, c.want, got, byValue)
		})
	}
}

func TestFromAPI_namesWhatIsWrong(t *testing.T) {
	cases := map[string]struct {
		spec infrav1.NetworkInterface
		want string
	}{
		"a MAC address that is none": {infrav1.NetworkInterface{MACAddress: "xx"}, "networkInterfaces[0].macAddress: is not a MAC address"},
		"an address without length":  {infrav1.NetworkInterface{Addresses: []string{"10.0.0.1/24", "10.0.0.1"}}, "networkInterfaces[0].addresses[1]: must be an address with prefix length"},
		"a mapped address":           {infrav1.NetworkInterface{Addresses: []string{"::ffff:10.0.0.1/120"}}, "networkInterfaces[0].addresses[0]: must be an address with prefix length"},
		"a gateway that is none":     {infrav1.NetworkInterface{IPSettings: infrav1.IPSettings{Gateways: []string{"a"}}}, "networkInterfaces[0].gateways[0]: must be an IP address"},
		"a nameserver that is none":  {infrav1.NetworkInterface{IPSettings: infrav1.IPSettings{Nameservers: []string{"a"}}}, "networkInterfaces[0].nameservers[0]: must be an IP address"},
		"a route to nowhere":         {infrav1.NetworkInterface{Routes: []infrav1.Route{{To: "a", Via: "10.0.0.1"}}}, "networkInterfaces[0].routes[0]: must have a destination prefix and a gateway of its family"},
		"a route via another family": {infrav1.NetworkInterface{Routes: []infrav1.Route{{To: "10.0.0.0/8", Via: "fd00::1"}}}, "networkInterfaces[0].routes[0]: must have a destination prefix and a gateway of its family"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := nodenetwork.FromAPI([]infrav1.NetworkInterface{c.spec}, infrav1.NodeNetwork{}, "u")
			if err == nil || err.Error() != c.want {
				t.Errorf("\n got %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestAdd_keepsOneGatewayOfEachFamily(t *testing.T) {
	a, p := netip.MustParseAddr, netip.MustParsePrefix
	n := nodenetwork.Interface{Gateways: []netip.Addr{a("10.0.0.1")}}
	n.Add(p("10.0.0.5/24"), a("10.0.0.254"))
	n.Add(p("fd00::5/64"), a("fd00::1"))
	n.Add(p("10.1.0.5/24"), netip.Addr{})
	want := nodenetwork.Interface{
		Addresses: []netip.Prefix{p("10.0.0.5/24"), p("fd00::5/64"), p("10.1.0.5/24")}, Gateways: []netip.Addr{a("10.0.0.1"), a("fd00::1")},
	}
	assert.Equal(t, want, n, byValue)
}

func TestHypervisor_attachesToTheHostsBridgeUnlessTold(t *testing.T) {
	own := nodenetwork.Interface{MAC: firstMAC, Bridge: "br1", VLAN: 7, GuestVLAN: 8, MTU: 9000}
	for bridge, n := range map[string]nodenetwork.Interface{"br1": own, "br0": {MAC: firstMAC, VLAN: 7, MTU: 9000}} {
		want := virt.Interface{MAC: firstMAC, Bridge: bridge, VLAN: 7, MTU: 9000}
		if diff := cmp.Diff(want, n.Hypervisor("br0")); diff != "" {
			t.Errorf("%s (-want +got)\n%s", bridge, diff)
		}
	}
}

func TestNodeIPs_areTheFirstOfEachFamily(t *testing.T) {
	prefix := netip.MustParsePrefix
	cases := map[string]struct {
		nics []nodenetwork.Interface
		want []netip.Addr
	}{
		"no interfaces": {},
		"DHCP":          {nics: []nodenetwork.Interface{{DHCP: infrav1.DHCPBoth}}},
		"both families": {
			nics: []nodenetwork.Interface{{Addresses: []netip.Prefix{prefix("10.0.0.5/24"), prefix("10.0.0.6/24"), prefix("fd00::5/64")}}},
			want: []netip.Addr{netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("fd00::5")},
		},
		"the second interface does not count": {
			nics: []nodenetwork.Interface{{}, {Addresses: []netip.Prefix{prefix("10.0.0.5/24")}}},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, nodenetwork.NodeIPs(c.nics), byValue)
		})
	}
}
