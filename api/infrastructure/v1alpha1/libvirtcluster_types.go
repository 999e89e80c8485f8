// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// ClusterFinalizer keeps a LibvirtCluster until its load balancer is gone from all hosts.
const ClusterFinalizer = "infrastructure.cluster.x-k8s.io/libvirtcluster"

// LibvirtClusterSpec describes what the machines of a cluster share.
// +kubebuilder:validation:MinProperties=1
type LibvirtClusterSpec struct {
	// controlPlaneEndpoint of the API server: the virtual IP, taken from loadBalancer.addressPoolRef when empty, or with an
	// External load balancer also a name; and the port, 8443 when empty.
	// +optional
	ControlPlaneEndpoint clusterv1.APIEndpoint `json:"controlPlaneEndpoint,omitempty,omitzero"`

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

	IPSettings `json:",inline"`
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

	// initialization tells that the endpoint is known and served.
	// +optional
	Initialization InitializationStatus `json:"initialization,omitempty,omitzero"`

	// failureDomains of the selected hosts that accept new machines. One whose hosts are not ready is kept for five
	// minutes.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	FailureDomains []clusterv1.FailureDomain `json:"failureDomains,omitempty"`

	// loadBalancer as the hosts report it.
	// +optional
	LoadBalancer LoadBalancerStatus `json:"loadBalancer,omitempty,omitzero"`

	// observedGeneration is the most recently observed generation.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
}

// LibvirtCluster holds what the machines of a cluster share: its endpoint, load balancer, hosts and network.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:validation:XValidation:rule="(has(self.spec) && has(self.spec.loadBalancer) && has(self.spec.loadBalancer.mode) ? self.spec.loadBalancer.mode : 'Managed') == (has(oldSelf.spec) && has(oldSelf.spec.loadBalancer) && has(oldSelf.spec.loadBalancer.mode) ? oldSelf.spec.loadBalancer.mode : 'Managed')",message="spec.loadBalancer.mode cannot be changed"
// +kubebuilder:metadata:labels={"cluster.x-k8s.io/v1beta2=v1alpha1","clusterctl.cluster.x-k8s.io="}
// +kubebuilder:resource:path=libvirtclusters,scope=Namespaced,categories=cluster-api,shortName=lvc
// +kubebuilder:printcolumn:name="Cluster",type="string",JSONPath=".metadata.labels.cluster\\.x-k8s\\.io/cluster-name",description="Cluster it belongs to"
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].status",description="Whether the endpoint is served"
// +kubebuilder:printcolumn:name="Provisioned",type="string",JSONPath=".status.initialization.provisioned",description="Whether machines may be created"
// +kubebuilder:printcolumn:name="Endpoint",type="string",JSONPath=".spec.controlPlaneEndpoint.host",description="Virtual IP of the API server"
// +kubebuilder:printcolumn:name="Holder",type="string",JSONPath=".status.loadBalancer.holder",description="Host that holds the virtual IP"
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
