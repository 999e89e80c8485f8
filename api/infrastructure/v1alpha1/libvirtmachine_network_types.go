// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// NetworkInterface of a machine.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!(has(self.dhcp) && self.dhcp != 'None' && (has(self.addressPoolRefs) || has(self.addresses)))",message="dhcp cannot be combined with addresses or addressPoolRefs"
type NetworkInterface struct {
	// bridge that it is attached to; the host's when empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	Bridge string `json:"bridge,omitempty"`

	// vlan that the host tags its traffic with, on a bridge with VLAN filtering.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4094
	VLAN int32 `json:"vlan,omitempty"`

	// guestVLAN that the machine itself tags its traffic with: addresses, DHCP and routes are then
	// configured on a VLAN device. For a bridge that forwards several VLANs.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4094
	GuestVLAN int32 `json:"guestVLAN,omitempty"`

	// macAddress of the interface; derived from the machine's identity when empty. Refused in a template.
	// +optional
	// +kubebuilder:validation:MinLength=17
	// +kubebuilder:validation:MaxLength=17
	// +kubebuilder:validation:Pattern=`^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$`
	MACAddress string `json:"macAddress,omitempty"`

	// mtu in bytes; the bridge's when empty.
	// +optional
	// +kubebuilder:validation:Minimum=576
	// +kubebuilder:validation:Maximum=65520
	MTU int32 `json:"mtu,omitempty"`

	// dhcp configures addresses by DHCP; when empty it is used if no addresses and no pools are given here or, for the
	// first interface, in the LibvirtCluster.
	// +optional
	DHCP DHCP `json:"dhcp,omitempty"`

	// addressPoolRefs are pools to take one address each from.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	AddressPoolRefs []AddressPoolReference `json:"addressPoolRefs,omitempty"`

	// addresses in CIDR form, such as 10.150.0.161/24. Refused in a template.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=64
	// +kubebuilder:validation:items:XValidation:rule="isCIDR(self)",message="must be an address with prefix length such as 10.150.0.161/24"
	Addresses []string `json:"addresses,omitempty"`

	IPSettings `json:",inline"`

	// routes in addition to the default route.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Routes []Route `json:"routes,omitempty"`
}

// IPSettings are what DHCP would tell in addition to addresses. Those of an interface override those of the LibvirtCluster.
type IPSettings struct {
	// gateways of the node, one per address family; those of the address pools when empty.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=45
	// +kubebuilder:validation:items:XValidation:rule="isIP(self)",message="must be an IP address"
	Gateways []string `json:"gateways,omitempty"`

	// nameservers of the node.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=45
	// +kubebuilder:validation:items:XValidation:rule="isIP(self)",message="must be an IP address"
	Nameservers []string `json:"nameservers,omitempty"`

	// searchDomains of the node.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	SearchDomains []string `json:"searchDomains,omitempty"`
}

// DHCP defines which address families are configured by DHCP.
// +kubebuilder:validation:Enum=None;IPv4;IPv6;Both
type DHCP string

// DHCP values.
const (
	DHCPNone DHCP = "None"
	DHCPIPv4 DHCP = "IPv4"
	DHCPIPv6 DHCP = "IPv6"
	DHCPBoth DHCP = "Both"
)
