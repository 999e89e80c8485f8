// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Conditions of a LibvirtHost, each with its reasons. docs/conditions.md is generated from the comments.
const (
	// LibvirtHostReachableCondition is true when the hypervisor answers with the credentials given.
	LibvirtHostReachableCondition = "Reachable"
	// LibvirtHostUnreachableReason means that the host does not answer. Check that the host is up, libvirtd runs and
	// spec.uri is right; it is tried again.
	LibvirtHostUnreachableReason = "Unreachable"
	// LibvirtHostCredentialsInvalidReason means that the Secret with credentials is missing, incomplete or refused.
	// Correct the Secret that spec.credentialsRef names, or the authorized keys of the host.
	LibvirtHostCredentialsInvalidReason = "CredentialsInvalid"

	// LibvirtHostStorageReadyCondition is true when the storage pool exists and is active.
	LibvirtHostStorageReadyCondition = "StorageReady"
	// LibvirtHostPoolMissingReason means that the storage pool does not exist or is not active. Define and start it on the
	// host, or name another one in spec.storagePool.
	LibvirtHostPoolMissingReason = "StoragePoolMissing"

	// LibvirtHostNetworkReadyCondition is true when the bridge is up and the kernel does not filter bridged traffic.
	LibvirtHostNetworkReadyCondition = "NetworkReady"
	// LibvirtHostBridgeMissingReason means that the bridge does not exist or is down. Create it on the host, or name
	// another one in spec.bridge.
	LibvirtHostBridgeMissingReason = "BridgeMissing"
	// LibvirtHostBridgeFilteredReason means that net.bridge.bridge-nf-call-* are not 0. Set them to 0 on the host, or set
	// spec.kernelParameters to Manage.
	LibvirtHostBridgeFilteredReason = "BridgeTrafficFiltered"

	// LibvirtHostLoadBalancerReadyCondition is true when the host can run load balancers. Absent when it is not meant to.
	LibvirtHostLoadBalancerReadyCondition = "LoadBalancerReady"
	// LibvirtHostPackagesMissingReason means that haproxy or keepalived is not installed. Install them on the host, set
	// spec.packages to Manage, or set spec.loadBalancer to Disabled.
	LibvirtHostPackagesMissingReason = "PackagesMissing"
	// LibvirtHostNoShellReason means that the URI gives no way to run commands on the host. Use a qemu+ssh URI; if
	// only LoadBalancerReady has this reason, spec.loadBalancer: Disabled helps too.
	LibvirtHostNoShellReason = "NoShellAccess"

	// LibvirtHostInUseReason means that the host is being deleted but in use. Delete what the message names.
	LibvirtHostInUseReason = "InUse"
	// LibvirtHostReadyReason is the reason of all true conditions of a LibvirtHost.
	LibvirtHostReadyReason = "Ready"
	// LibvirtHostWaitingReason means that an earlier check has to succeed first. See the first condition that is false.
	LibvirtHostWaitingReason = "WaitingForEarlierChecks"
	// LibvirtHostCheckFailedReason means that a check could not be made. See the message; it is tried again.
	LibvirtHostCheckFailedReason = "CheckFailed"
)
