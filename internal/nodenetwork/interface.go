// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package nodenetwork

import (
	"crypto/sha256"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// Interface is one network interface with all defaults applied.
type Interface struct {
	// MAC selects the interface in the guest. Without it the position does, as the image boots with net.ifnames=0.
	MAC string
	// Bridge on the host; empty for the host's default. VLAN is the tag that the host adds to the interface's traffic; 0 for
	// none.
	Bridge string
	VLAN   int
	// GuestVLAN is the tag (IEEE 802.1Q, 1 to 4094) of a device that the guest makes on the interface and that has everything
	// below in its place; 0 for none.
	GuestVLAN int
	// MTU in bytes; 0 keeps the bridge's and the driver's.
	MTU int
	// DHCP when empty is None with addresses and Both without.
	DHCP infrav1.DHCP
	// Pools are asked for one address each; what they give is for Add.
	Pools         []infrav1.AddressPoolReference
	Addresses     []netip.Prefix
	Gateways      []netip.Addr
	Nameservers   []netip.Addr
	SearchDomains []string
	Routes        []Route
}

// Route is one static route.
type Route struct {
	Destination netip.Prefix
	// Via is the gateway; the zero value means on link.
	Via netip.Addr
	// Metric 0 keeps the kernel's.
	Metric int
}

// FromAPI returns the interfaces of a machine: those of its spec, or one. The first one takes from the cluster's network
// what it does not say itself. An interface without MAC address gets one of uuid. Errors are problem.Problem values.
func FromAPI(specs []infrav1.NetworkInterface, cluster infrav1.NodeNetwork, uuid string) ([]Interface, error) {
	if len(specs) == 0 {
		specs = make([]infrav1.NetworkInterface, 1)
	}
	var problems problem.List
	out := make([]Interface, len(specs))
	for i, spec := range specs {
		if i == 0 {
			spec = withDefaults(spec, cluster)
		}
		path := fmt.Sprintf("networkInterfaces[%d]", i)
		out[i] = Interface{
			MAC: spec.MACAddress, Bridge: spec.Bridge, VLAN: int(spec.VLAN), GuestVLAN: int(spec.GuestVLAN), MTU: int(spec.MTU),
			DHCP: spec.DHCP, Pools: spec.AddressPoolRefs, SearchDomains: spec.SearchDomains,
			Addresses:   parseAll(spec.Addresses, parseAddress, &problems, path+".addresses", "must be an address with prefix length"),
			Gateways:    parseAll(spec.Gateways, netip.ParseAddr, &problems, path+".gateways", "must be an IP address"),
			Nameservers: parseAll(spec.Nameservers, netip.ParseAddr, &problems, path+".nameservers", "must be an IP address"),
			Routes:      parseAll(spec.Routes, parseRoute, &problems, path+".routes", "must have a destination prefix and a gateway of its family"),
		}
		if spec.MACAddress == "" {
			out[i].MAC = macAddress(uuid, i)
		} else if mac, err := net.ParseMAC(spec.MACAddress); err != nil || len(mac) != 6 {
			problems.Addf(path+".macAddress", "is not a MAC address")
		}
	}
	return out, problems.Err()
}

func withDefaults(spec infrav1.NetworkInterface, cluster infrav1.NodeNetwork) infrav1.NetworkInterface {
	if spec.DHCP != "" && spec.DHCP != infrav1.DHCPNone {
		return spec
	}
	if spec.DHCP == "" && len(spec.Addresses) == 0 && len(spec.AddressPoolRefs) == 0 {
		spec.AddressPoolRefs = cluster.AddressPoolRefs
	}
	if len(spec.Gateways) == 0 {
		spec.Gateways = cluster.Gateways
	}
	if len(spec.Nameservers) == 0 {
		spec.Nameservers = cluster.Nameservers
	}
	if len(spec.SearchDomains) == 0 {
		spec.SearchDomains = cluster.SearchDomains
	}
	return spec
}

// macAddress returns the address of an interface that has none in the spec: it never changes, since DHCP servers and
// neighbours remember it.
func macAddress(uuid string, index int) string {
	sum := sha256.Sum256([]byte(uuid + "/nic/" + strconv.Itoa(index)))
	return fmt.Sprintf("52:54:00:%02x:%02x:%02x", sum[0], sum[1], sum[2])
}

func parseAll[From, To any](list []From, parse func(From) (To, error), problems *problem.List, path, reason string) []To {
	var out []To
	for i, item := range list {
		value, err := parse(item)
		if err != nil {
			problems.Addf(fmt.Sprintf("%s[%d]", path, i), "%s", reason)
		}
		out = append(out, value)
	}
	return out
}

func parseAddress(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err == nil && prefix.Addr().Is4In6() {
		return prefix, fmt.Errorf("%s is a mapped address", text)
	}
	return prefix, err
}

func parseRoute(r infrav1.Route) (Route, error) {
	to, err := netip.ParsePrefix(r.To)
	if err != nil {
		return Route{}, err
	}
	via, err := netip.ParseAddr(r.Via)
	if err == nil && via.Is4() != to.Addr().Is4() {
		err = fmt.Errorf("%s and %s are of different families", r.To, r.Via)
	}
	route := Route{Destination: to.Masked(), Via: via}
	if r.Metric != nil {
		route.Metric = int(*r.Metric)
	}
	return route, err
}

// Add adds what a pool gave: an address, and its gateway unless one of its family is given.
func (n *Interface) Add(address netip.Prefix, gateway netip.Addr) {
	n.Addresses = append(n.Addresses, address)
	if gateway.IsValid() && !slices.ContainsFunc(n.Gateways, func(g netip.Addr) bool { return g.Is4() == gateway.Is4() }) {
		n.Gateways = append(n.Gateways, gateway)
	}
}

// Hypervisor is what the host attaches; bridge is its default one.
func (n *Interface) Hypervisor(bridge string) virt.Interface {
	if n.Bridge != "" {
		bridge = n.Bridge
	}
	return virt.Interface{MAC: n.MAC, Bridge: bridge, VLAN: n.VLAN, MTU: n.MTU}
}

// NodeIPs are the node's own addresses: the first of each family on the first interface.
func NodeIPs(interfaces []Interface) []netip.Addr {
	var out []netip.Addr
	if len(interfaces) == 0 {
		return nil
	}
	for _, prefix := range interfaces[0].Addresses {
		a := prefix.Addr()
		if len(out) == 0 || len(out) == 1 && out[0].Is4() != a.Is4() {
			out = append(out, a)
		}
	}
	return out
}
