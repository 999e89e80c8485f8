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

// ForgetHostAnnotation on a LibvirtMachine that is being deleted names its host when that is lost for good: what the machine
// has there is abandoned and deletion goes on.
const ForgetHostAnnotation = "infrastructure.cluster.x-k8s.io/forget-host"

// Firmware of a machine.
// +kubebuilder:validation:Enum=BIOS;UEFI;UEFISecureBoot
type Firmware string

// Firmware values.
const (
	FirmwareBIOS           Firmware = "BIOS"
	FirmwareUEFI           Firmware = "UEFI"
	FirmwareUEFISecureBoot Firmware = "UEFISecureBoot"
)

// TPM is the version of a trusted platform module.
// +kubebuilder:validation:Enum=None;V2
type TPM string

// TPM values.
const (
	TPMNone TPM = "None"
	TPMV2   TPM = "V2"
)

// LibvirtMachineSpec describes a virtual machine. Only providerID, host and storagePool are written by the provider.
//
// Rules about changes are at the field spec of LibvirtMachine and not here: LibvirtMachineTemplate uses this type too, and
// Cluster API's topology controller compares templates by dry runs that change them.
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

	// image that the root disk is created from.
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

	// networkInterfaces of the machine; when empty one on the host's bridge, configured by the LibvirtCluster's
	// network.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	NetworkInterfaces []NetworkInterface `json:"networkInterfaces,omitempty"`

	// hostSelector narrows the hosts that the LibvirtCluster selects.
	// +optional
	HostSelector *metav1.LabelSelector `json:"hostSelector,omitempty"`

	// storagePool for the machine's volumes; the host's when empty. The provider sets it when it chooses the host;
	// it cannot be changed afterwards.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	StoragePool string `json:"storagePool,omitempty"`

	// cpuModel is host-passthrough, host-model, maximum or the name of a CPU model of QEMU; when empty it depends on the
	// host's accelerator.
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

	// altcosTemplateRef names an AltcosBootstrapConfigTemplate in the same namespace. Its profile, or the built-in one when
	// empty, is applied to bootstrap data in cloud-config, as of KubeadmControlPlane, and not to Ignition configs.
	// +optional
	AltcosTemplateRef ObjectReference `json:"altcosTemplateRef,omitempty,omitzero"`
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

	// consoleLog is the file on the host with the output of the machine's serial console.
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

	// initialization tells that the virtual machine has been created and started.
	// +optional
	Initialization InitializationStatus `json:"initialization,omitempty,omitzero"`

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

	// observedGeneration is the most recently observed generation.
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
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].status",description="Whether the machine matches its spec"
// +kubebuilder:printcolumn:name="Reason",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].reason",description="Why it does not"
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
