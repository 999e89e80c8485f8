// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos

import (
	"net/netip"
	"regexp"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/nodenetwork"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// Node is what distinguishes one machine.
type Node struct {
	// Hostname is the node's name, without a final dot.
	Hostname string
	// ProviderID becomes the Kubernetes node's spec.providerID, byte for byte; empty leaves it to the bootstrap data.
	ProviderID string
	// Interfaces in the order of the machine's; none leaves the image's DHCP on eth0. The addresses of the first one become
	// kubelet's --node-ip.
	Interfaces []nodenetwork.Interface
	// Hosts are lines for /etc/hosts: the cluster's endpoint and the other machines. The node's own line is made here.
	Hosts []HostEntry
}

// nodeFile matches the files that Layer writes whole, and what would have to lie below them.
var nodeFile = regexp.MustCompile(`^/etc/(hostname|systemd/system/kubelet\.service\.d/(kubeadm|20-altcos-node)\.conf)(/|$)`)

// IsNodeFile reports whether a path belongs to a machine's own layer, which would replace what another layer has there.
func IsNodeFile(path string) bool { return nodeFile.MatchString(path) || nodenetwork.IsGuestFile(path) }

var providerID = regexp.MustCompile(`^[a-z0-9]+://[A-Za-z0-9._:/@-]+$`)

// Layer validates n and returns its layer.
func (n *Node) Layer() (ignition.Layer, error) {
	var problems problem.List
	b := &ignition.Builder{}
	if n.Hostname != "" {
		if len(n.Hostname) > 63 || !nodenetwork.IsDomainName(n.Hostname) || strings.HasSuffix(n.Hostname, ".") {
			problems.Addf("hostname", "must be a host name of at most 63 characters")
		}
		b.File("/etc/hostname", 0o644, []byte(n.Hostname+"\n"))
	}
	appendHosts(b, n.hosts(), "hosts", &problems)
	nodenetwork.Guest(b, n.Interfaces, &problems)
	n.kubeletArgs(b, &problems)
	if err := problems.Err(); err != nil {
		return ignition.Layer{}, problem.In("node", err)
	}
	return ignition.Layer{Name: "node", Config: b.Config}, nil
}

// hosts puts the node's own line first. A loopback address stands in for one that a DHCP server will give: the name must
// resolve, and kubelet and kubeadm, which need an address that others reach, never use a loopback one.
func (n *Node) hosts() []HostEntry {
	own := nodenetwork.NodeIPs(n.Interfaces)
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

// kubeletArgs keeps the node's addresses apart from its provider ID: see kubelet for what wins over what.
func (n *Node) kubeletArgs(b *ignition.Builder, problems *problem.List) {
	var args []ignition.Option
	var ips []string
	for _, ip := range nodenetwork.NodeIPs(n.Interfaces) {
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
