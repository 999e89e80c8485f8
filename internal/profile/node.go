// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"net/netip"
	"strings"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// Node is what the infrastructure knows of one machine.
type Node struct {
	Hostname   string
	ProviderID string
	Interfaces []Interface
	// Hosts are the cluster's endpoint and the machines that are known already.
	Hosts []altcos.HostEntry
}

// Interface is a network interface as configured, after defaults and address pools.
type Interface struct {
	MAC           string
	DHCP          infrav1.DHCP
	Addresses     []netip.Prefix
	Gateways      []netip.Addr
	Nameservers   []string
	SearchDomains []string
	Routes        []infrav1.Route
	MTU           int
	// VLAN is the guest's own tag; 0 for none.
	VLAN int
}

// Of returns the renderer's node. The node's own addresses are the first of each family on the first interface, given
// to kubelet only when they are known. Errors are problem.Problem values.
func (n Node) Of() (*altcos.Node, error) {
	var problems problem.List
	out := &altcos.Node{Hostname: n.Hostname, ProviderID: n.ProviderID, Hosts: n.Hosts}
	for i, nic := range n.Interfaces {
		link := altcos.Link{
			DHCP:          altcos.DHCP(nic.DHCP),
			Addresses:     nic.Addresses,
			Gateways:      nic.Gateways,
			Nameservers:   parseAll(nic.Nameservers, &problems, "nameservers"),
			SearchDomains: nic.SearchDomains,
			Routes:        routes(nic.Routes, &problems),
			MTU:           nic.MTU,
		}
		out.Interfaces = append(out.Interfaces, altcos.Interface{MAC: nic.MAC, VLAN: nic.VLAN, Link: link})
		if i == 0 {
			out.NodeIPs = nodeIPs(nic.Addresses)
		}
	}
	if err := problems.Err(); err != nil {
		return nil, problem.In("network", err)
	}
	return out, nil
}

func parseAll(texts []string, problems *problem.List, path string) []netip.Addr {
	var out []netip.Addr
	for _, text := range texts {
		address, err := netip.ParseAddr(text)
		if err != nil {
			problems.Addf(path, "must be IP addresses")
			continue
		}
		out = append(out, address)
	}
	return out
}

func routes(list []infrav1.Route, problems *problem.List) []altcos.Route {
	var out []altcos.Route
	for _, r := range list {
		to, errTo := netip.ParsePrefix(r.To)
		via, errVia := netip.ParseAddr(r.Via)
		if errTo != nil || errVia != nil {
			problems.Addf("routes", "must lead to an address range via an IP address")
			continue
		}
		route := altcos.Route{Destination: to.Masked(), Via: via}
		if r.Metric != nil {
			route.Metric = int(*r.Metric)
		}
		out = append(out, route)
	}
	return out
}

// nodeIPs returns the first address of each family.
func nodeIPs(addresses []netip.Prefix) []netip.Addr {
	var out []netip.Addr
	for _, prefix := range addresses {
		a := prefix.Addr()
		if len(out) == 0 || len(out) == 1 && out[0].Is4() != a.Is4() {
			out = append(out, a)
		}
	}
	return out
}

// EndpointName is the name of a cluster's endpoint in /etc/hosts of its machines: <cluster>-endpoint. Of a long name the
// end is left out, since no label of a host name has more than 63 characters.
func EndpointName(cluster string) string {
	const suffix, longest = "-endpoint", 63
	label := cluster[strings.LastIndexByte(cluster, '.')+1:]
	if over := len(label) + len(suffix) - longest; over > 0 {
		cluster = strings.TrimRight(cluster[:len(cluster)-over], "-")
	}
	return cluster + suffix
}
