// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Conditions of a LibvirtCluster, each with its reasons. docs/conditions.md is generated from the comments.
const (
	// LibvirtClusterHostsReadyCondition is true when at least one host that the cluster may use is ready.
	LibvirtClusterHostsReadyCondition = "HostsReady"
	// LibvirtClusterNoHostsReason means that no LibvirtHost matches the cluster. Check spec.hostSelector, the labels of
	// the LibvirtHosts and their spec.namespaceSelector.
	LibvirtClusterNoHostsReason = "NoHosts"
	// LibvirtClusterHostsNotReadyReason means that no matching host is ready. See the conditions of the LibvirtHosts.
	LibvirtClusterHostsNotReadyReason = "HostsNotReady"

	// LibvirtClusterEndpointReadyCondition is true when the control plane endpoint is known.
	LibvirtClusterEndpointReadyCondition = "EndpointReady"
	// LibvirtClusterEndpointMissingReason means that there is no address. Set spec.controlPlaneEndpoint.host or
	// spec.loadBalancer.addressPoolRef.
	LibvirtClusterEndpointMissingReason = "EndpointMissing"
	// LibvirtClusterEndpointInvalidReason means that the endpoint cannot be served. Correct the field in the message.
	LibvirtClusterEndpointInvalidReason = "EndpointInvalid"

	// LibvirtClusterLoadBalancerReadyCondition is true when the load balancer is configured on the hosts and one of them
	// holds the virtual IP. Absent with an external load balancer.
	LibvirtClusterLoadBalancerReadyCondition = "LoadBalancerReady"
	// LibvirtClusterEndpointInUseReason means that the address answers although no host of the cluster holds it. Remove
	// the address from the machine that has it, or choose another one.
	LibvirtClusterEndpointInUseReason = "EndpointInUse"
	// LibvirtClusterLoadBalancerRejectedReason means that a host refused the configuration. See the message.
	LibvirtClusterLoadBalancerRejectedReason = "ConfigurationRejected"
	// LibvirtClusterLoadBalancerDegradedReason means that the load balancer serves, but not on all hosts. See
	// status.loadBalancer.hosts; the others are tried again.
	LibvirtClusterLoadBalancerDegradedReason = "Degraded"
	// LibvirtClusterLoadBalancerFailedReason means that the load balancer could not be changed. See
	// status.loadBalancer.hosts; it is tried again.
	LibvirtClusterLoadBalancerFailedReason = "ApplyFailed"

	// LibvirtClusterReadyReason is the reason of all true conditions of a LibvirtCluster.
	LibvirtClusterReadyReason = "Ready"
	// LibvirtClusterWaitingReason means that an earlier phase is not done. See the first condition that is false.
	LibvirtClusterWaitingReason = "WaitingForEarlierPhases"
	// LibvirtClusterFailedReason means that a phase failed. See the message; it is tried again.
	LibvirtClusterFailedReason = "Failed"
	// LibvirtClusterDeletingReason means that the cluster is being deleted. The message tells what it waits for.
	LibvirtClusterDeletingReason = "Deleting"
)
