// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// LoadBalancerMode defines who serves the control plane endpoint.
// +kubebuilder:validation:Enum=Managed;External
type LoadBalancerMode string

// LoadBalancerMode values.
const (
	// LoadBalancerManaged runs haproxy and keepalived on the hosts.
	LoadBalancerManaged LoadBalancerMode = "Managed"
	// LoadBalancerExternal leaves the endpoint to the user.
	LoadBalancerExternal LoadBalancerMode = "External"
)

// LoadBalancer of a control plane.
// +kubebuilder:validation:MinProperties=1
type LoadBalancer struct {
	// mode is Managed to run haproxy and keepalived on the hosts, or External; Managed when empty. It cannot be
	// changed.
	// +optional
	Mode LoadBalancerMode `json:"mode,omitempty"`

	// addressPoolRef is the pool that the virtual IP is taken from when controlPlaneEndpoint has no host.
	// +optional
	AddressPoolRef AddressPoolReference `json:"addressPoolRef,omitempty,omitzero"`

	// virtualRouterID is the VRRP identifier, which must be unique on the network segment. When empty, one that no
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

	// extraPorts of the virtual IP that are forwarded to the control plane machines.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	ExtraPorts []LoadBalancerPort `json:"extraPorts,omitempty"`
}

// LoadBalancerPort is a port other than the API server's.
type LoadBalancerPort struct {
	// name of the port.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	// port of the virtual IP.
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

// LoadBalancerStatus is the load balancer as the hosts report it.
// +kubebuilder:validation:MinProperties=1
type LoadBalancerStatus struct {
	// virtualRouterID in use.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=255
	VirtualRouterID int32 `json:"virtualRouterID,omitempty"`

	// holder is the LibvirtHost that holds the virtual IP.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Holder string `json:"holder,omitempty"`

	// hosts that run the load balancer.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Hosts []LoadBalancerHostStatus `json:"hosts,omitempty"`

	// backends of the API server, as the holder sees them, until no reachable host sends traffic to them.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Backends []LoadBalancerBackendStatus `json:"backends,omitempty"`
}

// LoadBalancerHostState is the state of the load balancer on a host.
// +kubebuilder:validation:Enum=Serving;Pending;Failed;Unreachable
type LoadBalancerHostState string

// LoadBalancerHostState values.
const (
	// LoadBalancerHostServing means that the host runs the wanted configuration.
	LoadBalancerHostServing LoadBalancerHostState = "Serving"
	// LoadBalancerHostPending means that the host answers but has not been configured, because of another problem.
	LoadBalancerHostPending LoadBalancerHostState = "Pending"
	// LoadBalancerHostFailed means that the host refuses the wanted configuration.
	LoadBalancerHostFailed LoadBalancerHostState = "Failed"
	// LoadBalancerHostUnreachable means that the host does not answer.
	LoadBalancerHostUnreachable LoadBalancerHostState = "Unreachable"
)

// LoadBalancerHostStatus is the load balancer on one host.
type LoadBalancerHostStatus struct {
	// name of the LibvirtHost.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// state of the load balancer on the host.
	// +required
	State LoadBalancerHostState `json:"state,omitempty"`

	// message tells what is wrong.
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

// LoadBalancerBackendStatus is the state of one backend.
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
