// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// HostFinalizer keeps a LibvirtHost while machines run on it or our services are configured on it.
const HostFinalizer = "infrastructure.cluster.x-k8s.io/libvirthost"

// Accelerator is how a host runs its guests.
// +kubebuilder:validation:Enum=KVM;TCG
type Accelerator string

// Accelerators.
const (
	AcceleratorKVM Accelerator = "KVM"
	AcceleratorTCG Accelerator = "TCG"
)

// HostScheduling defines whether new machines may be placed on a host.
// +kubebuilder:validation:Enum=Enabled;Disabled
type HostScheduling string

// HostScheduling values.
const (
	HostSchedulingEnabled  HostScheduling = "Enabled"
	HostSchedulingDisabled HostScheduling = "Disabled"
)

// HostLoadBalancer defines whether a host may run the load balancers of clusters.
// +kubebuilder:validation:Enum=Enabled;Disabled
type HostLoadBalancer string

// HostLoadBalancer values.
const (
	HostLoadBalancerEnabled  HostLoadBalancer = "Enabled"
	HostLoadBalancerDisabled HostLoadBalancer = "Disabled"
)

// HostSetup defines what the provider does about something that a host lacks.
// +kubebuilder:validation:Enum=Check;Manage
type HostSetup string

// HostSetup values.
const (
	// HostSetupCheck only reports what is missing.
	HostSetupCheck HostSetup = "Check"
	// HostSetupManage sets what is missing.
	HostSetupManage HostSetup = "Manage"
)

// LibvirtHostSpec describes one hypervisor and how to reach it.
type LibvirtHostSpec struct {
	// uri of the hypervisor's libvirt: qemu+ssh://user@host[:port]/system, qemu+tls://host[:port]/system or
	// qemu+unix:///system. A parameter ?socket=/path names another socket on the host.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^qemu[+](ssh|tls|unix)://')",message="must start with qemu+ssh://, qemu+tls:// or qemu+unix://"
	URI string `json:"uri,omitempty"`

	// credentialsRef names a Secret in the manager's namespace. For ssh its keys are ssh-privatekey and known_hosts, and
	// may be username; for tls ca.crt, tls.crt and tls.key.
	// +optional
	CredentialsRef ObjectReference `json:"credentialsRef,omitempty,omitzero"`

	// bridge that machines are attached to; br0 when empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	Bridge string `json:"bridge,omitempty"`

	// storagePool for images and disks; default when empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	StoragePool string `json:"storagePool,omitempty"`

	// failureDomain that the host belongs to; the host's own name when empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	FailureDomain string `json:"failureDomain,omitempty"`

	// accelerator of guests; when empty KVM where the host offers it.
	// +optional
	Accelerator Accelerator `json:"accelerator,omitempty"`

	// overcommit is how much more than the host has may be allocated to machines.
	// +optional
	Overcommit HostOvercommit `json:"overcommit,omitempty,omitzero"`

	// reserve is kept for the host itself: no processors, 1Gi of memory and no storage when empty.
	// +optional
	Reserve HostResources `json:"reserve,omitempty,omitzero"`

	// namespaceSelector selects the namespaces whose machines may use the host; all when empty.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`

	// scheduling is Disabled to keep new machines off the host; Enabled when empty.
	// +optional
	Scheduling HostScheduling `json:"scheduling,omitempty"`

	// loadBalancer is Disabled on hosts that must not run haproxy and keepalived; when empty it is Enabled on hosts
	// that are reached by ssh.
	// +optional
	LoadBalancer HostLoadBalancer `json:"loadBalancer,omitempty"`

	// packages is Manage to let the provider install haproxy and keepalived with apt-get; Check when empty.
	// +optional
	Packages HostSetup `json:"packages,omitempty"`

	// kernelParameters is Manage to let the provider set net.bridge.bridge-nf-call-* to 0; Check when empty.
	// +optional
	KernelParameters HostSetup `json:"kernelParameters,omitempty"`
}

// HostOvercommit holds ratios in percent.
// +kubebuilder:validation:MinProperties=1
type HostOvercommit struct {
	// cpuPercent of the host's processors may be allocated; 400 when empty.
	// +optional
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=10000
	CPUPercent int32 `json:"cpuPercent,omitempty"`

	// memoryPercent of the host's memory may be allocated; 100 when empty.
	// +optional
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=1000
	MemoryPercent int32 `json:"memoryPercent,omitempty"`

	// storagePercent of the pool's capacity may be allocated to thin disks; 100 when empty.
	// +optional
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=10000
	StoragePercent int32 `json:"storagePercent,omitempty"`
}

// HostResources are amounts of what machines need.
// +kubebuilder:validation:MinProperties=1
type HostResources struct {
	// cpus is a number of processors.
	// +optional
	// +kubebuilder:validation:Minimum=0
	CPUs *int32 `json:"cpus,omitempty"`

	// memory of the host.
	// +optional
	Memory *resource.Quantity `json:"memory,omitempty"`

	// storage of the pool.
	// +optional
	Storage *resource.Quantity `json:"storage,omitempty"`
}

// LibvirtHostStatus is the observed state of a LibvirtHost.
// +kubebuilder:validation:MinProperties=1
type LibvirtHostStatus struct {
	// conditions of the host: Ready, Reachable, NetworkReady, StorageReady, LoadBalancerReady and Paused.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the most recently observed generation.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// hostname of the host, as it reports it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Hostname string `json:"hostname,omitempty"`

	// bridgeAddresses are the host's own addresses on its bridge, with prefix lengths. VRRP uses them.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=64
	BridgeAddresses []string `json:"bridgeAddresses,omitempty"`

	// failureDomain that machines on the host report.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	FailureDomain string `json:"failureDomain,omitempty"`

	// accelerator that guests use.
	// +optional
	Accelerator Accelerator `json:"accelerator,omitempty"`

	// capacity is what the host has.
	// +optional
	Capacity HostResources `json:"capacity,omitempty,omitzero"`

	// allocatable is what machines may be allocated in all.
	// +optional
	Allocatable HostResources `json:"allocatable,omitempty,omitzero"`

	// allocated is what is allocated to virtual machines, those of other owners included. Thin disks count with their full
	// size.
	// +optional
	Allocated HostResources `json:"allocated,omitempty,omitzero"`

	// unaccounted is the part of allocated that no LibvirtMachine on the host requests: virtual machines and files of other
	// owners, for example of other management clusters, and what the machines use beyond their specs. The requests of
	// LibvirtMachines are counted on top of it.
	// +optional
	Unaccounted HostResources `json:"unaccounted,omitempty,omitzero"`

	// images on the host that machines are created from, at most 64.
	// +optional
	// +listType=map
	// +listMapKey=pool
	// +listMapKey=sha256
	// +kubebuilder:validation:MaxItems=64
	Images []CachedImage `json:"images,omitempty"`

	// versions of the host's software.
	// +optional
	Versions HostVersions `json:"versions,omitempty,omitzero"`
}

// LibvirtHost is a hypervisor that machines run on.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:metadata:labels={"cluster.x-k8s.io/v1beta2=v1alpha1","clusterctl.cluster.x-k8s.io=","clusterctl.cluster.x-k8s.io/move-hierarchy="}
// +kubebuilder:resource:path=libvirthosts,scope=Cluster,categories=cluster-api,shortName=lvh
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].status",description="Whether machines can run on the host"
// +kubebuilder:printcolumn:name="URI",type="string",JSONPath=".spec.uri",description="How the host is reached"
// +kubebuilder:printcolumn:name="CPUs",type="integer",JSONPath=".status.allocatable.cpus",description="Processors that may be allocated to machines"
// +kubebuilder:printcolumn:name="Memory",type="string",JSONPath=".status.allocatable.memory",description="Memory that may be allocated to machines"
// +kubebuilder:printcolumn:name="Failure domain",type="string",JSONPath=".status.failureDomain",description="Failure domain of the host"
// +kubebuilder:printcolumn:name="Scheduling",type="string",JSONPath=".spec.scheduling",priority=10,description="Whether new machines may be placed here"
// +kubebuilder:printcolumn:name="Message",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].message",priority=10,description="What is wrong"
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp",description="Time since creation"
type LibvirtHost struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +required
	Spec LibvirtHostSpec `json:"spec,omitempty,omitzero"`

	// status is the observed state.
	// +optional
	Status LibvirtHostStatus `json:"status,omitempty,omitzero"`
}

// GetConditions returns the conditions of the host.
func (h *LibvirtHost) GetConditions() []metav1.Condition { return h.Status.Conditions }

// SetConditions replaces the conditions of the host.
func (h *LibvirtHost) SetConditions(conditions []metav1.Condition) { h.Status.Conditions = conditions }

// LibvirtHostList is a list of LibvirtHosts.
//
// +kubebuilder:object:root=true
type LibvirtHostList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []LibvirtHost `json:"items"`
}
