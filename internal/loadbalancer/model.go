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

// Cluster is the load balancer that a cluster wants on its hosts.
type Cluster struct {
	// ID names the cluster's files and units on the hosts: at most 40 of a-z 0-9 -, unique among all clusters that
	// share a host, and the same for the cluster's whole life, also after it moved to another management cluster.
	ID string
	// Owner is what proves that files on a host are this cluster's; like ID it must survive a move. At most 64 of
	// letters, digits and . _ -
	Owner string
	// Name is for people (unit description, comments): letters, digits and . _ / -
	Name string
	// Generation is written into the files; it alone never causes a change on a host.
	Generation int64
	// VIP is the endpoint's address with the prefix length it gets on the interface (/32 or /128 is the safest).
	VIP netip.Prefix
	// Port is where clients reach the API server, usually 8443.
	Port uint16
	// VRID is the VRRP router ID, 1 to 255, unique on the layer 2 segment.
	VRID uint8
	// CA is the PEM bundle that must have signed the API servers' certificates; while it is empty the health check
	// does not verify them.
	CA []byte
	// Backends are the control planes; empty is valid and makes an endpoint that refuses.
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
	// (a port may listen before its server is a member). Unused when Backends is set.
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

// ErrInvalid says that a cluster or a member cannot be rendered; only a change of the input helps.
var ErrInvalid = errors.New("invalid load balancer")

var (
	idPattern     = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)
	ownerPattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	namePattern   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,252}$`)
	serverPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
	bridgePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$`)
)

// Validate says why the cluster cannot be rendered, with all reasons at once. Every value that Render puts into a
// file passes here first, so that no value can bring a second directive along.
func (c Cluster) Validate() error {
	var problems []error
	refuse := func(wrong bool, format string, args ...any) {
		if wrong {
			problems = append(problems, fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...))
		}
	}
	refuse(!idPattern.MatchString(c.ID), "ID %q", c.ID)
	refuse(!ownerPattern.MatchString(c.Owner), "owner %q", c.Owner)
	refuse(!namePattern.MatchString(c.Name), "name %q", c.Name)
	refuse(c.Generation < 0, "generation %d", c.Generation)
	refuse(!usable(c.VIP.Addr()) || !c.VIP.IsValid(), "VIP %q", c.VIP)
	refuse(c.Port == 0, "port 0")
	refuse(c.VRID == 0, "VRID 0")
	if err := validateCA(c.CA); err != nil {
		problems = append(problems, err)
	}
	problems = append(problems, validateBackends(APIBackend, c.Backends)...)
	names, ports := map[string]bool{APIBackend: true, lastResort: true, "monitor": true}, map[uint16]bool{c.Port: true}
	for _, extra := range c.ExtraPorts {
		refuse(!idPattern.MatchString(extra.Name) || names[extra.Name], "name %q of extra port", extra.Name)
		refuse(extra.Port == 0 || ports[extra.Port], "extra port %d is zero or taken", extra.Port)
		refuse(len(extra.Backends) == 0 && extra.TargetPort == 0, "extra port %q has neither target port nor backends", extra.Name)
		names[extra.Name], ports[extra.Port] = true, true
		problems = append(problems, validateBackends(extra.Name, extra.Backends)...)
	}
	return errors.Join(problems...)
}

func validateBackends(where string, backends []Backend) []error {
	var problems []error
	names, addresses := map[string]bool{}, map[netip.AddrPort]bool{}
	for _, backend := range backends {
		if !serverPattern.MatchString(backend.Name) || names[backend.Name] {
			problems = append(problems, fmt.Errorf("%w: backend name %q of %q is malformed or taken", ErrInvalid, backend.Name, where))
		}
		if !usable(backend.Address.Addr()) || backend.Address.Port() == 0 || addresses[backend.Address] {
			problems = append(problems, fmt.Errorf("%w: backend address %q of %q is malformed or taken", ErrInvalid, backend.Address, where))
		}
		names[backend.Name], addresses[backend.Address] = true, true
	}
	return problems
}

func validateCA(bundle []byte) error {
	rest := bytes.TrimSpace(bundle)
	for len(rest) > 0 {
		block, tail := pem.Decode(rest)
		if block == nil || block.Type != "CERTIFICATE" {
			return fmt.Errorf("%w: CA is not a PEM bundle of certificates", ErrInvalid)
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return fmt.Errorf("%w: CA: %w", ErrInvalid, err)
		}
		rest = bytes.TrimSpace(tail)
	}
	return nil
}

// normalCA keeps nothing but the certificates of a valid bundle: text around PEM blocks is dropped.
func normalCA(bundle []byte) []byte {
	var out bytes.Buffer
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		out.Write(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes}))
	}
	return out.Bytes()
}

// Validate says why the member cannot be rendered for a VIP of the given family.
func (m Member) Validate(vip netip.Addr) error {
	var problems []error
	refuse := func(wrong bool, format string, args ...any) {
		if wrong {
			problems = append(problems, fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...))
		}
	}
	refuse(!bridgePattern.MatchString(m.Bridge), "bridge %q", m.Bridge)
	refuse(m.Priority == 0 || m.Priority == 255, "priority %d", m.Priority)
	seen := map[netip.Addr]bool{vip: true}
	for _, address := range append([]netip.Addr{m.Address}, m.Peers...) {
		refuse(!usable(address) || address.Is4() != vip.Is4(), "host address %q must be of the family of the VIP %q", address, vip)
		refuse(seen[address], "host address %q is taken", address)
		seen[address] = true
	}
	return errors.Join(problems...)
}

// usable refuses what cannot be one machine's address, and zones, which are free text.
func usable(address netip.Addr) bool {
	return address.IsValid() && address.Zone() == "" && !address.Is4In6() &&
		!address.IsUnspecified() && !address.IsMulticast() && !address.IsLoopback()
}
