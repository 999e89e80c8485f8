// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// DHCP says which address families an interface asks a server for.
type DHCP string

// DHCP modes. The empty value means DHCPBoth for an interface without addresses and DHCPNone for one with some.
const (
	DHCPNone DHCP = "None"
	DHCPv4   DHCP = "IPv4"
	DHCPv6   DHCP = "IPv6"
	DHCPBoth DHCP = "Both"
)

// Interface is one NIC.
type Interface struct {
	// MAC selects the NIC. Without it Name does.
	MAC string
	// Name is the kernel's name; empty means eth and the position, as the image boots with net.ifnames=0.
	Name string
	// VLAN is the tag (IEEE 802.1Q, 1 to 4094) of a device on the NIC that has the Link then; 0 means the NIC itself has it.
	VLAN int
	Link
}

// Link is how an interface is addressed.
type Link struct {
	DHCP          DHCP
	Addresses     []netip.Prefix
	Gateways      []netip.Addr
	Routes        []Route
	Nameservers   []netip.Addr
	SearchDomains []string
	// MTU in bytes; 0 keeps the driver's.
	MTU int
}

// Route is one static route.
type Route struct {
	Destination netip.Prefix
	// Via is the gateway; the zero value means on link.
	Via netip.Addr
	// Metric 0 keeps the kernel's.
	Metric int
}

var linkName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,15}$`)

// maxVLAN is the highest VLAN identifier (IEEE 802.1Q reserves 4095).
const maxVLAN = 4094

// networks writes networkd's files. The first interface takes over the name of the image's own file, which would
// otherwise win by its DHCP on eth0.
func (n *Node) networks(b *ignition.Builder, problems *problem.List) {
	for i, nic := range n.Interfaces {
		path := fmt.Sprintf("interfaces[%d]", i)
		name := or(nic.Name, fmt.Sprintf("eth%d", i))
		if !linkName.MatchString(name) {
			problems.Addf(path+".name", "is no interface name")
		}
		match := []ignition.Option{ignition.Set("Name", name)}
		if nic.MAC != "" {
			mac, err := net.ParseMAC(nic.MAC)
			if err != nil || len(mac) != 6 {
				problems.Addf(path+".mac", "is no MAC address")
			}
			// a VLAN device has its NIC's address too, and another type
			match = []ignition.Option{ignition.Set("MACAddress", mac.String()), ignition.Set("Type", "ether")}
		}
		file := "/etc/systemd/network/20-wired"
		if i > 0 {
			file = fmt.Sprintf("/etc/systemd/network/20-wired%d", i)
		}
		if nic.VLAN != 0 {
			match = nic.vlan(b, problems, path, file, name, match)
			file += "-vlan"
		}
		b.File(file+".network", 0o644, []byte(nic.text(problems, path, match, i > 0)))
	}
}

// vlan writes the NIC's own file, by which it only carries the VLAN device, and that device. It returns what matches
// the device.
func (nic *Interface) vlan(
	b *ignition.Builder, problems *problem.List, path, file, name string, match []ignition.Option,
) []ignition.Option {
	device := fmt.Sprintf("%s.%d", name, nic.VLAN)
	if nic.VLAN < 1 || nic.VLAN > maxVLAN {
		problems.Addf(path+".vlan", "must be between 1 and %d", maxVLAN)
	}
	if !linkName.MatchString(device) {
		problems.Addf(path+".name", "is too long for a VLAN device, which is called %s", device)
	}
	carrier := ignition.UnitText{}.Section("Match", match...)
	link := []ignition.Option{ignition.Set("RequiredForOnline", "no")}
	if nic.MTU > 0 {
		link = append(link, ignition.Set("MTUBytes", itoa(nic.MTU)))
	}
	carrier = carrier.Section("Link", link...).Section("Network",
		ignition.Set("VLAN", device), ignition.Set("DHCP", "no"), ignition.Set("LinkLocalAddressing", "no"))
	b.File(file+".network", 0o644, []byte(carrier.String()))
	tagged := ignition.UnitText{}.Section("NetDev", ignition.Set("Name", device), ignition.Set("Kind", "vlan")).
		Section("VLAN", ignition.Set("Id", itoa(nic.VLAN)))
	b.File(file+"-vlan.netdev", 0o644, []byte(tagged.String()))
	return []ignition.Option{ignition.Set("Name", device)}
}

// text is the .network file of the link. Kubernetes runs over the first one: nothing waits for an address that another
// one's server never gives.
func (l *Link) text(problems *problem.List, path string, match []ignition.Option, secondary bool) string {
	l.check(problems, path)
	t := ignition.UnitText{}.Section("Match", match...)
	var link []ignition.Option
	if l.MTU > 0 {
		link = append(link, ignition.Set("MTUBytes", itoa(l.MTU)))
	}
	if secondary && l.dhcp() != "no" {
		link = append(link, ignition.Set("RequiredForOnline", "no"))
	}
	if len(link) > 0 {
		t = t.Section("Link", link...)
	}
	network := []ignition.Option{ignition.Set("DHCP", l.dhcp())}
	for _, a := range l.Addresses {
		network = append(network, ignition.Set("Address", a.String()))
	}
	for _, g := range l.Gateways {
		network = append(network, ignition.Set("Gateway", g.String()))
	}
	for _, s := range l.Nameservers {
		network = append(network, ignition.Set("DNS", s.String()))
	}
	if len(l.SearchDomains) > 0 {
		network = append(network, ignition.Set("Domains", strings.Join(l.SearchDomains, " ")))
	}
	t = l.routes(t.Section("Network", network...))
	if l.dhcp() != "no" {
		// the default identifier is made of the machine ID, which differs on every boot of a fresh image
		t = t.Section("DHCPv4", ignition.Set("ClientIdentifier", "mac"), ignition.Set("UseHostname", "no"))
	}
	return t.String()
}

func (l *Link) routes(t ignition.UnitText) ignition.UnitText {
	for _, r := range l.Routes {
		options := []ignition.Option{ignition.Set("Destination", r.Destination.String())}
		if r.Via.IsValid() {
			options = append(options, ignition.Set("Gateway", r.Via.String()))
		} else if r.Destination.Addr().Is4() { // IPv6 has no such scope
			options = append(options, ignition.Set("Scope", "link"))
		}
		if r.Metric > 0 {
			options = append(options, ignition.Set("Metric", itoa(r.Metric)))
		}
		t = t.Section("Route", options...)
	}
	return t
}

func (l *Link) dhcp() string {
	switch l.DHCP {
	case DHCPv4:
		return "ipv4"
	case DHCPv6:
		return "ipv6"
	case DHCPBoth:
		return "yes"
	case DHCPNone:
		return "no"
	}
	if len(l.Addresses) > 0 {
		return "no"
	}
	return "yes"
}

func (l *Link) check(problems *problem.List, path string) {
	switch l.DHCP {
	case "", DHCPNone, DHCPv4, DHCPv6, DHCPBoth:
	default:
		problems.Addf(path+".dhcp", "must be None, IPv4, IPv6 or Both")
	}
	for i, a := range l.Addresses {
		if !a.IsValid() || a.Addr().Is4In6() {
			problems.Addf(fmt.Sprintf("%s.addresses[%d]", path, i), "must be an address with prefix length")
		}
	}
	for _, f := range []struct {
		name string
		list []netip.Addr
	}{{"gateways", l.Gateways}, {"nameservers", l.Nameservers}} {
		for i, a := range f.list {
			if !a.IsValid() {
				problems.Addf(fmt.Sprintf("%s.%s[%d]", path, f.name, i), "must be an IP address")
			}
		}
	}
	l.checkRoutes(problems, path)
	for i, d := range l.SearchDomains {
		if !hostName.MatchString(strings.TrimPrefix(d, "~")) {
			problems.Addf(fmt.Sprintf("%s.searchDomains[%d]", path, i), "is no domain name")
		}
	}
	if l.MTU != 0 && (l.MTU < 68 || l.MTU > 65535) {
		problems.Addf(path+".mtu", "must be between 68 and 65535")
	}
}

func (l *Link) checkRoutes(problems *problem.List, path string) {
	for i, r := range l.Routes {
		if !r.Destination.IsValid() || (r.Via.IsValid() && r.Via.Is4() != r.Destination.Addr().Is4()) {
			problems.Addf(fmt.Sprintf("%s.routes[%d]", path, i), "must have a destination prefix and a gateway of its family")
		}
		if r.Metric < 0 {
			problems.Addf(fmt.Sprintf("%s.routes[%d].metric", path, i), "must not be negative")
		}
	}
}
