// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package nodenetwork

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// maxVLAN is the highest VLAN identifier (IEEE 802.1Q reserves 4095).
const maxVLAN = 4094

var domainName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\.?$`)

// IsDomainName reports whether name is a domain or host name, with or without a final dot.
func IsDomainName(name string) bool { return len(name) <= 253 && domainName.MatchString(name) }

// guestFile matches the files that Guest writes.
var guestFile = regexp.MustCompile(`^/etc/systemd/network/20-wired[0-9]*(-vlan)?\.(network|netdev)(/|$)`)

// IsGuestFile reports whether Guest may write a file at path, or needs a place above it.
func IsGuestFile(path string) bool { return guestFile.MatchString(path) }

// Guest writes networkd's files. The first interface takes over the name of the image's own file, which would
// otherwise win by its DHCP on eth0.
func Guest(b *ignition.Builder, interfaces []Interface, problems *problem.List) {
	for i, n := range interfaces {
		n.check(problems, fmt.Sprintf("networkInterfaces[%d]", i))
		name := "eth" + strconv.Itoa(i)
		match := []ignition.Option{ignition.Set("Name", name)}
		if n.MAC != "" {
			// a VLAN device has its interface's address too, and another type
			match = []ignition.Option{ignition.Set("MACAddress", strings.ToLower(n.MAC)), ignition.Set("Type", "ether")}
		}
		file := "/etc/systemd/network/20-wired"
		if i > 0 {
			file += strconv.Itoa(i)
		}
		if n.GuestVLAN != 0 {
			device := fmt.Sprintf("%s.%d", name, n.GuestVLAN)
			n.vlan(b, file, device, match)
			match = []ignition.Option{ignition.Set("Name", device)}
			file += "-vlan"
		}
		b.File(file+".network", 0o644, []byte(n.link(match, i > 0)))
	}
}

// check reports what the API's schema accepts nevertheless.
func (n *Interface) check(problems *problem.List, path string) {
	switch n.DHCP {
	case "", infrav1.DHCPNone, infrav1.DHCPIPv4, infrav1.DHCPIPv6, infrav1.DHCPBoth:
	default:
		problems.Addf(path+".dhcp", "must be None, IPv4, IPv6 or Both")
	}
	if n.GuestVLAN < 0 || n.GuestVLAN > maxVLAN {
		problems.Addf(path+".guestVLAN", "must be between 1 and %d", maxVLAN)
	}
	for i, d := range n.SearchDomains {
		if !IsDomainName(strings.TrimPrefix(d, "~")) {
			problems.Addf(fmt.Sprintf("%s.searchDomains[%d]", path, i), "is not a domain name")
		}
	}
	if n.MTU != 0 && (n.MTU < 68 || n.MTU > 65535) {
		problems.Addf(path+".mtu", "must be between 68 and 65535")
	}
}

// vlan writes the interface's own file, by which it only carries the VLAN device, and that device.
func (n *Interface) vlan(b *ignition.Builder, file, device string, match []ignition.Option) {
	carrier := ignition.UnitText{}.Section("Match", match...).
		Section("Link", ignition.Set("RequiredForOnline", "no"), n.mtu()).
		Section("Network", ignition.Set("VLAN", device), ignition.Set("DHCP", "no"), ignition.Set("LinkLocalAddressing", "no"))
	b.File(file+".network", 0o644, []byte(carrier.String()))
	tagged := ignition.UnitText{}.Section("NetDev", ignition.Set("Name", device), ignition.Set("Kind", "vlan")).
		Section("VLAN", ignition.Set("Id", strconv.Itoa(n.GuestVLAN)))
	b.File(file+"-vlan.netdev", 0o644, []byte(tagged.String()))
}

func (n *Interface) mtu() ignition.Option {
	if n.MTU == 0 {
		return ignition.Option{}
	}
	return ignition.Set("MTUBytes", strconv.Itoa(n.MTU))
}

// link is the .network file with the addresses. Kubernetes runs over the first interface: nothing waits for an address
// that another one's server never gives.
func (n *Interface) link(match []ignition.Option, secondary bool) string {
	t := ignition.UnitText{}.Section("Match", match...)
	waits := ignition.Option{}
	if secondary && n.dhcp() != "no" {
		waits = ignition.Set("RequiredForOnline", "no")
	}
	if n.MTU != 0 || waits.Name != "" {
		t = t.Section("Link", n.mtu(), waits)
	}
	network := []ignition.Option{ignition.Set("DHCP", n.dhcp())}
	for _, a := range n.Addresses {
		network = append(network, ignition.Set("Address", a.String()))
	}
	for _, g := range n.Gateways {
		network = append(network, ignition.Set("Gateway", g.String()))
	}
	for _, s := range n.Nameservers {
		network = append(network, ignition.Set("DNS", s.String()))
	}
	if len(n.SearchDomains) > 0 {
		network = append(network, ignition.Set("Domains", strings.Join(n.SearchDomains, " ")))
	}
	t = t.Section("Network", network...)
	for _, r := range n.Routes {
		t = t.Section("Route", r.options()...)
	}
	if n.dhcp() != "no" {
		// the default identifier is made of the machine ID, which differs on every boot of a fresh image
		t = t.Section("DHCPv4", ignition.Set("ClientIdentifier", "mac"), ignition.Set("UseHostname", "no"))
	}
	return t.String()
}

func (r Route) options() []ignition.Option {
	options := []ignition.Option{ignition.Set("Destination", r.Destination.String())}
	if r.Via.IsValid() {
		options = append(options, ignition.Set("Gateway", r.Via.String()))
	} else if r.Destination.Addr().Is4() { // IPv6 has no such scope
		options = append(options, ignition.Set("Scope", "link"))
	}
	if r.Metric > 0 {
		options = append(options, ignition.Set("Metric", strconv.Itoa(r.Metric)))
	}
	return options
}

func (n *Interface) dhcp() string {
	switch n.DHCP {
	case infrav1.DHCPIPv4:
		return "ipv4"
	case infrav1.DHCPIPv6:
		return "ipv6"
	case infrav1.DHCPBoth:
		return "yes"
	case infrav1.DHCPNone:
		return "no"
	}
	if len(n.Addresses) > 0 {
		return "no"
	}
	return "yes"
}
