// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos

import (
	"net/netip"
	"regexp"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// Node is what one machine has for itself.
type Node struct {
	// Hostname is the node's name, without a final dot.
	Hostname string
	// ProviderID becomes the Kubernetes node's spec.providerID, byte for byte; empty leaves it to the bootstrap data.
	ProviderID string
	// NodeIPs are given to kubelet as --node-ip: none, one, or one of each family.
	NodeIPs []netip.Addr
	// Interfaces in the order of the VM's NICs; none leaves the image's DHCP on eth0.
	Interfaces []Interface
	// Hosts are lines for /etc/hosts: the cluster's endpoint and the other machines. The node's own line is made here.
	Hosts []HostEntry
}

// nodeFile matches the files that Layer writes whole, and what would have to lie below them.
var nodeFile = regexp.MustCompile(`^/etc/(hostname|systemd/network/20-wired[0-9]*(-vlan)?\.(network|netdev)|` +
	`systemd/system/kubelet\.service\.d/(kubeadm|20-altcos-node)\.conf)(/|$)`)

// IsNodeFile tells whether a path belongs to a machine's own layer, which would replace what another layer has there.
func IsNodeFile(path string) bool { return nodeFile.MatchString(path) }

var providerID = regexp.MustCompile(`^[a-z0-9]+://[A-Za-z0-9._:/@-]+$`)

// Layer validates n and returns its layer.
func (n *Node) Layer() (ignition.Layer, error) {
	var problems problem.List
	b := &ignition.Builder{}
	if n.Hostname != "" {
		if len(n.Hostname) > 63 || !hostName.MatchString(n.Hostname) || strings.HasSuffix(n.Hostname, ".") {
			problems.Addf("hostname", "must be a host name of at most 63 characters")
		}
		b.File("/etc/hostname", 0o644, []byte(n.Hostname+"\n"))
	}
	appendHosts(b, n.hosts(), "hosts", &problems)
	n.networks(b, &problems)
	n.kubeletArgs(b, &problems)
	if err := problems.Err(); err != nil {
		return ignition.Layer{}, problem.In("node", err)
	}
	return ignition.Layer{Name: "node", Config: b.Config}, nil
}

// hosts puts the node's own line first. A loopback address stands for one that a DHCP server will give: the name must
// lead somewhere, and kubelet and kubeadm, which want an address that others reach, never take a loopback one.
func (n *Node) hosts() []HostEntry {
	own := n.PrimaryAddresses()
	if n.Hostname == "" {
		return n.Hosts
	}
	if len(own) == 0 {
		own = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 1, 1})}
	}
	var entries []HostEntry
	for _, a := range own {
		entries = append(entries, HostEntry{Address: a, Names: []string{n.Hostname}})
	}
	return append(entries, n.Hosts...)
}

// PrimaryAddresses are the node's IPs, or those of its first interface.
func (n *Node) PrimaryAddresses() []netip.Addr {
	if len(n.NodeIPs) > 0 || len(n.Interfaces) == 0 {
		return n.NodeIPs
	}
	var all []netip.Addr
	for _, p := range n.Interfaces[0].Addresses {
		all = append(all, p.Addr())
	}
	return all
}

// kubeletArgs keeps the node's addresses apart from its provider ID: see kubelet for what wins over what.
func (n *Node) kubeletArgs(b *ignition.Builder, problems *problem.List) {
	var args []ignition.Option
	if len(n.NodeIPs) > 2 || (len(n.NodeIPs) == 2 && n.NodeIPs[0].Is4() == n.NodeIPs[1].Is4()) {
		problems.Addf("nodeIPs", "must be one address, or one of each family")
	}
	var ips []string
	for _, ip := range n.NodeIPs {
		if !ip.IsValid() || ip.Zone() != "" {
			problems.Addf("nodeIPs", "must be IP addresses")
			continue
		}
		ips = append(ips, ip.String())
	}
	if len(ips) > 0 {
		args = append(args, ignition.Set("Environment", `"KUBELET_NODE_ARGS=--node-ip=`+strings.Join(ips, ",")+`"`))
	}
	if n.ProviderID != "" {
		if !providerID.MatchString(n.ProviderID) {
			problems.Addf("providerID", "must be scheme://identifier")
		}
		args = append(args, ignition.Set("Environment", `"KUBELET_PROVIDER_ARGS=--provider-id=`+n.ProviderID+`"`))
	}
	if len(args) > 0 {
		kubelet(b)
		b.Dropin("kubelet.service", "20-altcos-node.conf", ignition.UnitText{}.Section("Service", args...))
	}
}
