// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// MachineFinalizer keeps a LibvirtMachine until its virtual machine, volumes and addresses are gone.
const MachineFinalizer = "infrastructure.cluster.x-k8s.io/libvirtmachine"

// ForgetHostAnnotation on a LibvirtMachine that is being deleted names the host that is dead for good: what the machine
// left there is given up and deletion goes on.
const ForgetHostAnnotation = "infrastructure.cluster.x-k8s.io/forget-host"

// DiskProvisioning says how the root disk comes from the image.
// +kubebuilder:validation:Enum=Overlay;Copy
type DiskProvisioning string

// DiskProvisioning values.
const (
	// DiskOverlay stores only what differs from the image.
	DiskOverlay DiskProvisioning = "Overlay"
	// DiskCopy copies the image.
	DiskCopy DiskProvisioning = "Copy"
)

// Firmware is what starts a machine.
// +kubebuilder:validation:Enum=BIOS;UEFI;UEFISecureBoot
type Firmware string

// Firmware values.
const (
	FirmwareBIOS           Firmware = "BIOS"
	FirmwareUEFI           Firmware = "UEFI"
	FirmwareUEFISecureBoot Firmware = "UEFISecureBoot"
)

// TPM says whether a machine has a trusted platform module.
// +kubebuilder:validation:Enum=None;V2
type TPM string

// TPM values.
const (
	TPMNone TPM = "None"
	TPMV2   TPM = "V2"
)

// LibvirtMachineSpec describes a virtual machine. Only providerID, host and storagePool are written by the provider.
//
// What may not change is said at the field spec of LibvirtMachine and not here: LibvirtMachineTemplate holds this type
// too, and Cluster API's topology controller compares templates by dry runs that change them.
type LibvirtMachineSpec struct {
	// providerID is the identity of the virtual machine, libvirt://<uuid>; written by the provider before anything is
	// created.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.startsWith('libvirt://')",message="must start with libvirt://"
	ProviderID string `json:"providerID,omitempty"`

	// host is the LibvirtHost that the machine runs on; chosen by the provider when empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Host string `json:"host,omitempty"`

	// vcpus is the number of processors.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=512
	VCPUs int32 `json:"vcpus,omitempty"`

	// memory of the machine, at least 64Mi.
	// +required
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).compareTo(quantity('64Mi')) >= 0",message="must be at least 64Mi"
	Memory resource.Quantity `json:"memory,omitempty"`

	// image that the root disk is made from.
	// +required
	Image Image `json:"image,omitempty,omitzero"`

	// rootDisk of the machine, seen as sda.
	// +optional
	RootDisk RootDisk `json:"rootDisk,omitempty,omitzero"`

	// dataDisks of the machine, seen as sdb and so on, and below /dev/disk/by-id as scsi-0QEMU_QEMU_HARDDISK_<name>.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=14
	DataDisks []DataDisk `json:"dataDisks,omitempty"`

	// networkInterfaces of the machine; one on the host's bridge, configured by the LibvirtCluster's network, when empty.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	NetworkInterfaces []NetworkInterface `json:"networkInterfaces,omitempty"`

	// hostSelector narrows the hosts that the LibvirtCluster selects.
	// +optional
	HostSelector *metav1.LabelSelector `json:"hostSelector,omitempty"`

	// storagePool for the machine's volumes; the host's when empty. The provider writes it when it chooses the host; from
	// then on it cannot be changed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	StoragePool string `json:"storagePool,omitempty"`

	// cpuModel is host-passthrough, host-model, maximum or the name of a model of QEMU; when empty what suits the host's
	// accelerator.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9._-]+$`
	CPUModel string `json:"cpuModel,omitempty"`

	// firmware of the machine; BIOS when empty.
	// +optional
	Firmware Firmware `json:"firmware,omitempty"`

	// tpm is V2 to give the machine a trusted platform module; None when empty.
	// +optional
	TPM TPM `json:"tpm,omitempty"`

	// altcosTemplateRef names an AltcosBootstrapConfigTemplate in the same namespace whose profile is applied when the
	// machine's bootstrap data is a cloud-config, as KubeadmControlPlane makes it. The built-in profile when empty. It has no
	// effect when the bootstrap data is an Ignition config, as AltcosBootstrapConfig makes it: that brings its own profile.
	// +optional
	AltcosTemplateRef LocalObjectReference `json:"altcosTemplateRef,omitempty,omitzero"`
}

// Image is where the root disk comes from: a URL with its digest, or a volume that is already in the pool.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="has(self.url) != has(self.volume)",message="exactly one of url and volume is needed"
// +kubebuilder:validation:XValidation:rule="has(self.url) == has(self.sha256)",message="sha256 is needed with url, and only then"
type Image struct {
	// url of a disk image (qcow2 or raw), plain or compressed with xz, gzip or zstd: http, https, or file for a file
	// that the manager can read.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.startsWith('http://') || self.startsWith('https://') || self.startsWith('file:///')",message="must be an http, https or file URL"
	URL string `json:"url,omitempty"`

	// sha256 of the file at url, in hexadecimal.
	// +optional
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{64}$`
	SHA256 string `json:"sha256,omitempty"`

	// volume in the machine's storage pool that holds the image. It is none that the provider made for a machine.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9][A-Za-z0-9._:+-]*$`
	// +kubebuilder:validation:XValidation:rule="!self.matches('^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}') && !self.endsWith('.ign') && !self.endsWith('.ok')",message="is the name of a machine's disk, of its bootstrap data or of a marker, not of an image"
	Volume string `json:"volume,omitempty"`
}

// RootDisk of a machine.
// +kubebuilder:validation:MinProperties=1
type RootDisk struct {
	// size of the disk; the image's when empty or smaller.
	// +optional
	Size *resource.Quantity `json:"size,omitempty"`

	// provisioning is Overlay for a thin disk on the image, or Copy; Overlay when empty.
	// +optional
	Provisioning DiskProvisioning `json:"provisioning,omitempty"`
}

// DataDisk is an empty disk.
type DataDisk struct {
	// name of the disk: its serial number in the machine.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	// +kubebuilder:validation:XValidation:rule="self != 'root'",message="root is the name of the root disk"
	Name string `json:"name,omitempty"`

	// size of the disk.
	// +required
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).compareTo(quantity('1Mi')) >= 0",message="must be at least 1Mi"
	Size resource.Quantity `json:"size,omitempty"`
}

// NetworkInterface of a machine.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!(has(self.dhcp) && self.dhcp != 'None' && (has(self.addressPoolRefs) || has(self.addresses)))",message="dhcp goes with neither addresses nor addressPoolRefs"
type NetworkInterface struct {
	// bridge that it is attached to; the host's when empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	Bridge string `json:"bridge,omitempty"`

	// vlan that the host tags its traffic with, on a bridge that knows VLANs.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4094
	VLAN int32 `json:"vlan,omitempty"`

	// guestVLAN that the machine itself tags its traffic with: the addresses, DHCP and routes of this interface are then
	// those of a VLAN device on it. For a bridge that passes several VLANs on.
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

	// dhcp asks for addresses by DHCP; when empty it is used if no addresses and no pools are given here or, for the
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

	// gateways override those of the pools and of the LibvirtCluster: one per address family.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=45
	// +kubebuilder:validation:items:XValidation:rule="isIP(self)",message="must be an IP address"
	Gateways []string `json:"gateways,omitempty"`

	// nameservers override those of the LibvirtCluster.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=45
	// +kubebuilder:validation:items:XValidation:rule="isIP(self)",message="must be an IP address"
	Nameservers []string `json:"nameservers,omitempty"`

	// searchDomains override those of the LibvirtCluster.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	SearchDomains []string `json:"searchDomains,omitempty"`

	// routes besides the default route.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Routes []Route `json:"routes,omitempty"`
}

// DHCP says which address families are configured by DHCP.
// +kubebuilder:validation:Enum=None;IPv4;IPv6;Both
type DHCP string

// DHCP values.
const (
	DHCPNone DHCP = "None"
	DHCPIPv4 DHCP = "IPv4"
	DHCPIPv6 DHCP = "IPv6"
	DHCPBoth DHCP = "Both"
)

// LibvirtMachineInitializationStatus says what has been provisioned for the first time.
// NOTE: this struct is part of the Cluster API contract.
// +kubebuilder:validation:MinProperties=1
type LibvirtMachineInitializationStatus struct {
	// provisioned is true when the virtual machine has been created and started; it never becomes false again.
	// +optional
	Provisioned *bool `json:"provisioned,omitempty"`
}

// DomainStatus is the virtual machine as the hypervisor reports it.
// +kubebuilder:validation:MinProperties=1
type DomainStatus struct {
	// name of the domain on the host.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// state of the domain: Running, Paused, ShutOff, Crashed or Other.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	State string `json:"state,omitempty"`

	// consoleLog is the file on the host with what the machine wrote to its serial console.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	ConsoleLog string `json:"consoleLog,omitempty"`
}

// LibvirtMachineStatus is the observed state of a LibvirtMachine.
// +kubebuilder:validation:MinProperties=1
type LibvirtMachineStatus struct {
	// conditions of the machine: Ready, one for each phase, and Paused.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// initialization says what has been provisioned for the first time.
	// +optional
	Initialization LibvirtMachineInitializationStatus `json:"initialization,omitempty,omitzero"`

	// addresses of the machine.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Addresses []clusterv1.MachineAddress `json:"addresses,omitempty"`

	// failureDomain that the machine runs in.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	FailureDomain string `json:"failureDomain,omitempty"`

	// domain is the virtual machine as the hypervisor reports it.
	// +optional
	Domain DomainStatus `json:"domain,omitempty,omitzero"`

	// observedGeneration is the generation that this status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
}

// LibvirtMachine is a virtual machine of a cluster.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:metadata:labels={"cluster.x-k8s.io/v1beta2=v1alpha1","clusterctl.cluster.x-k8s.io="}
// +kubebuilder:resource:path=libvirtmachines,scope=Namespaced,categories=cluster-api,shortName=lvm
// +kubebuilder:printcolumn:name="Cluster",type="string",JSONPath=".metadata.labels.cluster\\.x-k8s\\.io/cluster-name",description="Cluster it belongs to"
// +kubebuilder:printcolumn:name="Machine",type="string",JSONPath=".metadata.ownerReferences[?(@.kind==\"Machine\")].name",description="Machine it serves"
// +kubebuilder:printcolumn:name="Host",type="string",JSONPath=".spec.host",description="Host it runs on"
// +kubebuilder:printcolumn:name="Address",type="string",JSONPath=".status.addresses[?(@.type==\"InternalIP\")].address",description="Address of the node"
// +kubebuilder:printcolumn:name="State",type="string",JSONPath=".status.domain.state",description="State of the virtual machine"
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].status",description="Whether the machine is as it shall be"
// +kubebuilder:printcolumn:name="Reason",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].reason",description="Why it is not"
// +kubebuilder:printcolumn:name="Provider ID",type="string",JSONPath=".spec.providerID",priority=10,description="Identity of the virtual machine"
// +kubebuilder:printcolumn:name="Message",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].message",priority=10,description="What is wrong"
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp",description="Time since creation"
type LibvirtMachine struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +required
	// +kubebuilder:validation:XValidation:rule="!has(oldSelf.providerID) || (has(self.providerID) && self.providerID == oldSelf.providerID)",message="providerID cannot be changed once set"
	// +kubebuilder:validation:XValidation:rule="!has(oldSelf.host) || !has(oldSelf.providerID) || (has(self.host) && self.host == oldSelf.host)",message="host cannot be changed once the machine has been placed"
	// +kubebuilder:validation:XValidation:rule="!has(oldSelf.storagePool) || !has(oldSelf.providerID) || (has(self.storagePool) && self.storagePool == oldSelf.storagePool)",message="storagePool cannot be changed once the machine has been placed"
	// +kubebuilder:validation:XValidation:rule="self.vcpus == oldSelf.vcpus && self.memory == oldSelf.memory && self.image == oldSelf.image && has(self.rootDisk) == has(oldSelf.rootDisk) && (!has(self.rootDisk) || self.rootDisk == oldSelf.rootDisk) && has(self.dataDisks) == has(oldSelf.dataDisks) && (!has(self.dataDisks) || self.dataDisks == oldSelf.dataDisks) && has(self.networkInterfaces) == has(oldSelf.networkInterfaces) && (!has(self.networkInterfaces) || self.networkInterfaces == oldSelf.networkInterfaces)",message="the hardware of a machine cannot be changed; replace the machine"
	Spec LibvirtMachineSpec `json:"spec,omitempty,omitzero"`

	// status is the observed state.
	// +optional
	Status LibvirtMachineStatus `json:"status,omitempty,omitzero"`
}

// GetConditions returns the conditions of the machine.
func (m *LibvirtMachine) GetConditions() []metav1.Condition { return m.Status.Conditions }

// SetConditions replaces the conditions of the machine.
func (m *LibvirtMachine) SetConditions(conditions []metav1.Condition) {
	m.Status.Conditions = conditions
}

// LibvirtMachineList is a list of LibvirtMachines.
//
// +kubebuilder:object:root=true
type LibvirtMachineList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []LibvirtMachine `json:"items"`
}
