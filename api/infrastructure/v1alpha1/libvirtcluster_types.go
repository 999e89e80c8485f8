// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// ClusterFinalizer keeps a LibvirtCluster until its load balancer is gone from all hosts.
const ClusterFinalizer = "infrastructure.cluster.x-k8s.io/libvirtcluster"

// Conditions of a LibvirtCluster and their reasons.
const (
	// LibvirtClusterHostsReadyCondition is true when the hosts that the cluster needs are ready.
	LibvirtClusterHostsReadyCondition = "HostsReady"
	// LibvirtClusterNoHostsReason says that no host is selected, or that none may be used from this namespace.
	LibvirtClusterNoHostsReason = "NoHosts"
	// LibvirtClusterHostsNotReadyReason says that no selected host is ready.
	LibvirtClusterHostsNotReadyReason = "HostsNotReady"

	// LibvirtClusterEndpointReadyCondition is true when the control plane endpoint has been determined.
	LibvirtClusterEndpointReadyCondition = "EndpointReady"
	// LibvirtClusterEndpointMissingReason says that neither an address nor a pool to take one from is given.
	LibvirtClusterEndpointMissingReason = "EndpointMissing"
	// LibvirtClusterEndpointInUseReason says that the address answers although no host of ours holds it.
	LibvirtClusterEndpointInUseReason = "EndpointInUse"
	// LibvirtClusterEndpointInvalidReason says that the endpoint cannot be served.
	LibvirtClusterEndpointInvalidReason = "EndpointInvalid"

	// LibvirtClusterLoadBalancerReadyCondition is true when the load balancer is applied on the hosts and one of them
	// holds the virtual address. Absent with an external load balancer.
	LibvirtClusterLoadBalancerReadyCondition = "LoadBalancerReady"
	// LibvirtClusterLoadBalancerRejectedReason says that a host refused the configuration.
	LibvirtClusterLoadBalancerRejectedReason = "ConfigurationRejected"
	// LibvirtClusterLoadBalancerDegradedReason says that the load balancer serves, but not on all hosts.
	LibvirtClusterLoadBalancerDegradedReason = "Degraded"
	// LibvirtClusterLoadBalancerFailedReason says that the load balancer could not be applied.
	LibvirtClusterLoadBalancerFailedReason = "ApplyFailed"

	// LibvirtClusterReadyReason is the reason of all true conditions of a LibvirtCluster.
	LibvirtClusterReadyReason = "Ready"
	// LibvirtClusterFailedReason says that a phase failed and will be tried again.
	LibvirtClusterFailedReason = "Failed"
	// LibvirtClusterWaitingReason says that something earlier has to be done first.
	LibvirtClusterWaitingReason = "WaitingForEarlierPhases"
	// LibvirtClusterDeletingReason says that the cluster's traces are being removed.
	LibvirtClusterDeletingReason = "Deleting"
)

// LoadBalancerMode says who serves the control plane endpoint.
// +kubebuilder:validation:Enum=Managed;External
type LoadBalancerMode string

// LoadBalancerMode values.
const (
	// LoadBalancerManaged runs haproxy and keepalived on the hosts.
	LoadBalancerManaged LoadBalancerMode = "Managed"
	// LoadBalancerExternal leaves the endpoint to the user.
	LoadBalancerExternal LoadBalancerMode = "External"
)

// LibvirtClusterSpec describes what the machines of a cluster share.
// +kubebuilder:validation:MinProperties=1
type LibvirtClusterSpec struct {
	// controlPlaneEndpoint is the virtual address and port of the API server. When the host is empty an address is taken
	// from loadBalancer.addressPoolRef; when the port is empty it is 8443.
	// +optional
	ControlPlaneEndpoint APIEndpoint `json:"controlPlaneEndpoint,omitempty,omitzero"`

	// hostSelector selects the LibvirtHosts that the cluster may use; all when empty.
	// +optional
	HostSelector *metav1.LabelSelector `json:"hostSelector,omitempty"`

	// network of the nodes.
	// +optional
	Network NodeNetwork `json:"network,omitempty,omitzero"`

	// loadBalancer of the control plane.
	// +optional
	LoadBalancer LoadBalancer `json:"loadBalancer,omitempty,omitzero"`
}

// APIEndpoint is where an API server is reached.
// +kubebuilder:validation:MinProperties=1
type APIEndpoint struct {
	// host is an IP address, or a name when the load balancer is External.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Host string `json:"host,omitempty"`

	// port of the API server.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
}

// NodeNetwork is what the first network interface of every machine uses unless the machine says otherwise.
// +kubebuilder:validation:MinProperties=1
type NodeNetwork struct {
	// addressPoolRefs are the pools that machines take their addresses from: one, or one per address family. Without
	// pools machines use DHCP.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	AddressPoolRefs []AddressPoolReference `json:"addressPoolRefs,omitempty"`

	// gateways override the gateways of the pools: one per address family.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=45
	// +kubebuilder:validation:items:XValidation:rule="isIP(self)",message="must be an IP address"
	Gateways []string `json:"gateways,omitempty"`

	// nameservers of the nodes.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=45
	// +kubebuilder:validation:items:XValidation:rule="isIP(self)",message="must be an IP address"
	Nameservers []string `json:"nameservers,omitempty"`

	// searchDomains of the nodes.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	SearchDomains []string `json:"searchDomains,omitempty"`
}

// LoadBalancer of a control plane.
// +kubebuilder:validation:MinProperties=1
type LoadBalancer struct {
	// mode is Managed to run haproxy and keepalived on the hosts, or External; Managed when empty. A cluster keeps its mode
	// for life.
	// +optional
	Mode LoadBalancerMode `json:"mode,omitempty"`

	// addressPoolRef is the pool that the virtual address is taken from when controlPlaneEndpoint has no host.
	// +optional
	AddressPoolRef AddressPoolReference `json:"addressPoolRef,omitempty,omitzero"`

	// virtualRouterID is the VRRP identifier, which must be unique on the network segment. When empty one that no
	// cluster of this provider uses is chosen.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=255
	VirtualRouterID int32 `json:"virtualRouterID,omitempty"`

	// apiServerPort is the port that the API servers of the control plane machines listen on; 6443 when empty.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	APIServerPort int32 `json:"apiServerPort,omitempty"`

	// extraPorts of the virtual address that lead to the control plane machines.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	ExtraPorts []LoadBalancerPort `json:"extraPorts,omitempty"`
}

// LoadBalancerPort is a port besides the API server's.
type LoadBalancerPort struct {
	// name of the port.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	// port of the virtual address.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`

	// targetPort on the machines; the same port when empty.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	TargetPort int32 `json:"targetPort,omitempty"`
}

// LibvirtClusterInitializationStatus says what has been provisioned for the first time.
// NOTE: this struct is part of the Cluster API contract.
// +kubebuilder:validation:MinProperties=1
type LibvirtClusterInitializationStatus struct {
	// provisioned is true when the endpoint is known and served; it never becomes false again.
	// +optional
	Provisioned *bool `json:"provisioned,omitempty"`
}

// LoadBalancerStatus tells what the hosts reported of the load balancer.
// +kubebuilder:validation:MinProperties=1
type LoadBalancerStatus struct {
	// virtualRouterID in use.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=255
	VirtualRouterID int32 `json:"virtualRouterID,omitempty"`

	// holder is the LibvirtHost that holds the virtual address.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Holder string `json:"holder,omitempty"`

	// hosts that carry the load balancer.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Hosts []LoadBalancerHostStatus `json:"hosts,omitempty"`

	// backends of the API server, as the holder sees them. A machine that is being deleted stays here until no host that
	// can be reached sends anything to it.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Backends []LoadBalancerBackendStatus `json:"backends,omitempty"`
}

// LoadBalancerHostState says how the load balancer fares on a host.
// +kubebuilder:validation:Enum=Serving;Pending;Failed;Unreachable
type LoadBalancerHostState string

// LoadBalancerHostState values.
const (
	// LoadBalancerHostServing says that the host runs what is wanted.
	LoadBalancerHostServing LoadBalancerHostState = "Serving"
	// LoadBalancerHostPending says that the host answers and that its turn has not come: something else is wrong first.
	LoadBalancerHostPending LoadBalancerHostState = "Pending"
	// LoadBalancerHostFailed says that the host does not take what is wanted.
	LoadBalancerHostFailed LoadBalancerHostState = "Failed"
	// LoadBalancerHostUnreachable says that the host does not answer.
	LoadBalancerHostUnreachable LoadBalancerHostState = "Unreachable"
)

// LoadBalancerHostStatus tells of one host.
type LoadBalancerHostStatus struct {
	// name of the LibvirtHost.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// state of the load balancer there.
	// +required
	State LoadBalancerHostState `json:"state,omitempty"`

	// message says what is wrong.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// BackendHealth is a backend's health as haproxy sees it.
// +kubebuilder:validation:Enum=Up;Down;Unknown
type BackendHealth string

// BackendHealth values.
const (
	BackendUp      BackendHealth = "Up"
	BackendDown    BackendHealth = "Down"
	BackendUnknown BackendHealth = "Unknown"
)

// LoadBalancerBackendStatus tells of one backend.
type LoadBalancerBackendStatus struct {
	// name of the LibvirtMachine.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// address of the machine.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Address string `json:"address,omitempty"`

	// health of its API server.
	// +required
	Health BackendHealth `json:"health,omitempty"`
}

// LibvirtClusterStatus is the observed state of a LibvirtCluster.
// +kubebuilder:validation:MinProperties=1
type LibvirtClusterStatus struct {
	// conditions of the cluster: Ready, HostsReady, EndpointReady, LoadBalancerReady and Paused.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// initialization says what has been provisioned for the first time.
	// +optional
	Initialization LibvirtClusterInitializationStatus `json:"initialization,omitempty,omitzero"`

	// failureDomains that the selected hosts belong to, as far as new machines may be placed there. One whose hosts are
	// not ready stays for five minutes.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	FailureDomains []clusterv1.FailureDomain `json:"failureDomains,omitempty"`

	// loadBalancer as the hosts report it.
	// +optional
	LoadBalancer LoadBalancerStatus `json:"loadBalancer,omitempty,omitzero"`

	// observedGeneration is the generation that this status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
}

// LibvirtCluster is what the machines of a cluster share: its endpoint, load balancer, hosts and network.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:validation:XValidation:rule="(has(self.spec) && has(self.spec.loadBalancer) && has(self.spec.loadBalancer.mode) ? self.spec.loadBalancer.mode : 'Managed') == (has(oldSelf.spec) && has(oldSelf.spec.loadBalancer) && has(oldSelf.spec.loadBalancer.mode) ? oldSelf.spec.loadBalancer.mode : 'Managed')",message="spec.loadBalancer.mode cannot be changed"
// +kubebuilder:metadata:labels={"cluster.x-k8s.io/v1beta2=v1alpha1","clusterctl.cluster.x-k8s.io="}
// +kubebuilder:resource:path=libvirtclusters,scope=Namespaced,categories=cluster-api,shortName=lvc
// +kubebuilder:printcolumn:name="Cluster",type="string",JSONPath=".metadata.labels.cluster\\.x-k8s\\.io/cluster-name",description="Cluster it belongs to"
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].status",description="Whether the endpoint is served"
// +kubebuilder:printcolumn:name="Provisioned",type="string",JSONPath=".status.initialization.provisioned",description="Whether machines may be created"
// +kubebuilder:printcolumn:name="Endpoint",type="string",JSONPath=".spec.controlPlaneEndpoint.host",description="Virtual address of the API server"
// +kubebuilder:printcolumn:name="Holder",type="string",JSONPath=".status.loadBalancer.holder",description="Host that holds the virtual address"
// +kubebuilder:printcolumn:name="Message",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].message",priority=10,description="What is wrong"
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp",description="Time since creation"
type LibvirtCluster struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +optional
	Spec LibvirtClusterSpec `json:"spec,omitempty,omitzero"`

	// status is the observed state.
	// +optional
	Status LibvirtClusterStatus `json:"status,omitempty,omitzero"`
}

// GetConditions returns the conditions of the cluster.
func (c *LibvirtCluster) GetConditions() []metav1.Condition { return c.Status.Conditions }

// SetConditions replaces the conditions of the cluster.
func (c *LibvirtCluster) SetConditions(conditions []metav1.Condition) {
	c.Status.Conditions = conditions
}

// LibvirtClusterList is a list of LibvirtClusters.
//
// +kubebuilder:object:root=true
type LibvirtClusterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []LibvirtCluster `json:"items"`
}
