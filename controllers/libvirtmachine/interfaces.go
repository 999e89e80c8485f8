// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"net/netip"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/profile"
)

// nic is a network interface with all defaults applied.
type nic struct {
	// spec is the interface as given, with the cluster's network filled in.
	spec infrav1.NetworkInterface
	mac  string
	// addresses and gateways as they are, the allocated ones included.
	addresses []netip.Prefix
	gateways  []netip.Addr
}

// interfaces returns the machine's interfaces: those of the spec, or one. The first one takes from the cluster's network
// what it does not say itself.
func interfaces(lm *infrav1.LibvirtMachine, network infrav1.NodeNetwork, uuid string) ([]nic, error) {
	specs := lm.Spec.NetworkInterfaces
	if len(specs) == 0 {
		specs = make([]infrav1.NetworkInterface, 1)
	}
	nics := make([]nic, 0, len(specs))
	for i, spec := range specs {
		if i == 0 {
			spec = withDefaults(spec, network)
		}
		n := nic{spec: spec, mac: spec.MACAddress}
		if n.mac == "" {
			n.mac = macAddress(uuid, i)
		}
		for _, text := range spec.Addresses {
			prefix, err := netip.ParsePrefix(text)
			if err != nil {
				return nil, outcome.Terminalf(infrav1.LibvirtMachineAddressInvalidReason, "read address %q of interface %d: %w", text, i, err)
			}
			n.addresses = append(n.addresses, prefix)
		}
		for _, text := range spec.Gateways {
			gateway, err := netip.ParseAddr(text)
			if err != nil {
				return nil, outcome.Terminalf(infrav1.LibvirtMachineAddressInvalidReason, "read gateway %q of interface %d: %w", text, i, err)
			}
			n.gateways = append(n.gateways, gateway)
		}
		nics = append(nics, n)
	}
	return nics, nil
}

func withDefaults(spec infrav1.NetworkInterface, network infrav1.NodeNetwork) infrav1.NetworkInterface {
	if usesDHCP(spec.DHCP) {
		return spec
	}
	if spec.DHCP == "" && len(spec.Addresses) == 0 && len(spec.AddressPoolRefs) == 0 {
		spec.AddressPoolRefs = network.AddressPoolRefs
	}
	if len(spec.Gateways) == 0 {
		spec.Gateways = network.Gateways
	}
	if len(spec.Nameservers) == 0 {
		spec.Nameservers = network.Nameservers
	}
	if len(spec.SearchDomains) == 0 {
		spec.SearchDomains = network.SearchDomains
	}
	return spec
}

func usesDHCP(d infrav1.DHCP) bool { return d != "" && d != infrav1.DHCPNone }

// addGateway adds the gateway of a pool unless one of its family is given.
func (n *nic) addGateway(gateway netip.Addr) {
	if !gateway.IsValid() {
		return
	}
	for _, g := range n.gateways {
		if g.Is4() == gateway.Is4() {
			return
		}
	}
	n.gateways = append(n.gateways, gateway)
}

func (n *nic) profile() profile.Interface {
	return profile.Interface{
		MAC:           n.mac,
		DHCP:          n.spec.DHCP,
		Addresses:     n.addresses,
		Gateways:      n.gateways,
		Nameservers:   n.spec.Nameservers,
		SearchDomains: n.spec.SearchDomains,
		Routes:        n.spec.Routes,
		MTU:           int(n.spec.MTU),
		VLAN:          int(n.spec.GuestVLAN),
	}
}
