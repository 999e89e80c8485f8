// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
)

// Cluster is the load balancer that a cluster should have on its hosts.
type Cluster struct {
	// ID names the cluster's files and units on the hosts: at most 40 of a-z 0-9 -, unique among all clusters that
	// share a host, and constant for the cluster's lifetime, also after a move to another management cluster.
	ID string
	// Owner proves that files on a host are this cluster's; like ID it must survive a move. At most 64 of letters, digits
	// and . _ -
	Owner string
	// Name is for people (unit description, comments): letters, digits and . _ / -
	Name string
	// Generation is written into the files for people; it alone never causes a change on a host.
	Generation int64
	// VIP is the endpoint's address with the prefix length it gets on the interface (/32 or /128 is the safest).
	VIP netip.Prefix
	// Port is where clients reach the API server, usually 8443.
	Port uint16
	// VRID is the VRRP router ID, 1 to 255, unique in the layer 2 segment.
	VRID uint8
	// CA is the PEM bundle that must have signed the API servers' certificates; while it is empty the health check
	// does not verify them.
	CA []byte
	// Backends are the control planes; without any the endpoint refuses connections.
	Backends []Backend
	// ExtraPorts are balanced besides the API.
	ExtraPorts []ExtraPort
}

// Backend is one server behind a port.
type Backend struct {
	// Name is unique within its port: letters, digits and . _ -
	Name string
	// Address is where the server listens.
	Address netip.AddrPort
}

// ExtraPort is one more TCP port of the endpoint.
type ExtraPort struct {
	// Name is unique within the cluster: at most 40 of a-z 0-9 -, other than "api" and "monitor".
	Name string
	// Port is where clients connect to.
	Port uint16
	// TargetPort is the port of the control planes that serve it; they count as healthy when their API server is
	// (a port may accept connections before its server is a member). Unused when Backends is set.
	TargetPort uint16
	// Backends are servers other than the control planes; they are checked by a TCP connect.
	Backends []Backend
}

// Member is one host's part in the VRRP group of a cluster.
type Member struct {
	// Bridge is the interface that gets the VIP, usually br0.
	Bridge string
	// Address is the host's own address on the segment, of the family of the VIP.
	Address netip.Addr
	// Peers are the addresses of the other hosts.
	Peers []netip.Addr
	// Priority is the host's VRRP priority, 1 to 254, different on each host: see Priorities.
	Priority uint8
}

// ErrInvalid means that a cluster or a member cannot be rendered; only a change of the input helps.
var ErrInvalid = errors.New("invalid load balancer")

var (
	idPattern     = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)
	ownerPattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	namePattern   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,252}$`)
	serverPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
	bridgePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$`)
)

// problems are all reasons why something is invalid.
type problems []error

func (p *problems) refuse(wrong bool, format string, args ...any) {
	if wrong {
		*p = append(*p, fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...))
	}
}

// Validate returns why the cluster cannot be rendered, with all reasons at once. Every value that Render puts into a file
// is checked here first, so that no value can add a directive.
func (c Cluster) Validate() error {
	var p problems
	p.refuseIdentity(c)
	p.refuse(!namePattern.MatchString(c.Name), "name %q", c.Name)
	p.refuse(c.Generation < 0, "generation %d", c.Generation)
	p.refuse(!usable(c.VIP.Addr()) || !c.VIP.IsValid(), "VIP %q", c.VIP)
	p.refuse(c.Port == 0, "port 0")
	p.refuse(c.VRID == 0, "VRID 0")
	p.refuseCA(c.CA)
	p.refuseBackends(APIBackend, c.Backends)
	names, ports := map[string]bool{APIBackend: true, lastResort: true, "monitor": true}, map[uint16]bool{c.Port: true}
	for _, extra := range c.ExtraPorts {
		p.refuse(!idPattern.MatchString(extra.Name) || names[extra.Name], "name %q of extra port", extra.Name)
		p.refuse(extra.Port == 0 || ports[extra.Port], "extra port %d is zero or duplicated", extra.Port)
		p.refuse(len(extra.Backends) == 0 && extra.TargetPort == 0, "extra port %q has neither target port nor backends", extra.Name)
		names[extra.Name], ports[extra.Port] = true, true
		p.refuseBackends(extra.Name, extra.Backends)
	}
	return errors.Join(p...)
}

// ValidateIdentity checks what the removal of a cluster needs: the ID, which is part of paths, and the owner.
func (c Cluster) ValidateIdentity() error {
	var p problems
	p.refuseIdentity(c)
	return errors.Join(p...)
}

func (p *problems) refuseIdentity(c Cluster) {
	p.refuse(!idPattern.MatchString(c.ID), "ID %q", c.ID)
	p.refuse(!ownerPattern.MatchString(c.Owner), "owner %q", c.Owner)
}

func (p *problems) refuseBackends(where string, backends []Backend) {
	names, addresses := map[string]bool{}, map[netip.AddrPort]bool{}
	for _, backend := range backends {
		p.refuse(!serverPattern.MatchString(backend.Name) || names[backend.Name],
			"backend name %q of %q is malformed or duplicated", backend.Name, where)
		p.refuse(!usable(backend.Address.Addr()) || backend.Address.Port() == 0 || addresses[backend.Address],
			"backend address %q of %q is malformed or duplicated", backend.Address, where)
		names[backend.Name], addresses[backend.Address] = true, true
	}
}

func (p *problems) refuseCA(bundle []byte) {
	rest := bytes.TrimSpace(bundle)
	for len(rest) > 0 {
		block, tail := pem.Decode(rest)
		if block == nil || block.Type != "CERTIFICATE" {
			p.refuse(true, "CA is not a PEM bundle of certificates")
			return
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			p.refuse(true, "CA: %w", err)
			return
		}
		rest = bytes.TrimSpace(tail)
	}
}

// Validate returns why the member cannot be rendered for a VIP of that family.
func (m Member) Validate(vip netip.Addr) error {
	var p problems
	p.refuse(!bridgePattern.MatchString(m.Bridge), "bridge %q", m.Bridge)
	p.refuse(m.Priority == 0 || m.Priority == 255, "priority %d", m.Priority)
	seen := map[netip.Addr]bool{vip: true}
	for _, address := range append([]netip.Addr{m.Address}, m.Peers...) {
		p.refuse(!usable(address) || address.Is4() != vip.Is4(), "host address %q must be of the family of the VIP %q", address, vip)
		p.refuse(seen[address], "host address %q is duplicated", address)
		seen[address] = true
	}
	return errors.Join(p...)
}

// usable refuses what cannot be the address of one machine, and zones, which are free text.
func usable(address netip.Addr) bool {
	return address.IsValid() && address.Zone() == "" && !address.Is4In6() &&
		!address.IsUnspecified() && !address.IsMulticast() && !address.IsLoopback()
}
