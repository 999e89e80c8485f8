// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Conditions of a LibvirtMachine, each with its reasons. docs/conditions.md is generated from the comments.
const (
	// LibvirtMachineInputsReadyCondition is true when the LibvirtCluster is provisioned and bootstrap data exists.
	LibvirtMachineInputsReadyCondition = "InputsReady"
	// LibvirtMachineWaitingForClusterReason means that the LibvirtCluster is not provisioned yet. See its conditions.
	LibvirtMachineWaitingForClusterReason = "WaitingForClusterInfrastructure"
	// LibvirtMachineWaitingForBootstrapDataReason means that there is no bootstrap data yet. See the bootstrap config.
	LibvirtMachineWaitingForBootstrapDataReason = "WaitingForBootstrapData"

	// LibvirtMachineHostAssignedCondition is true when a host has been chosen.
	LibvirtMachineHostAssignedCondition = "HostAssigned"
	// LibvirtMachineNoHostFitsReason means that no host can take the machine. See the message, which names the problem of
	// each host, and add a host, free resources, or change the selectors.
	LibvirtMachineNoHostFitsReason = "NoHostFits"
	// LibvirtMachineHostUnknownReason means that no LibvirtHost has the name in spec.host. Create it.
	LibvirtMachineHostUnknownReason = "HostUnknown"

	// LibvirtMachineAddressesReadyCondition is true when all addresses that the machine needs have been allocated.
	LibvirtMachineAddressesReadyCondition = "AddressesReady"
	// LibvirtMachineWaitingForAddressReason means that a claim is not answered yet. See the IPAddressClaims and the pool.
	LibvirtMachineWaitingForAddressReason = "WaitingForAddress"
	// LibvirtMachineAddressInvalidReason means that an address of the spec or of a pool cannot be used. Correct the spec or
	// the pool; a spec needs a new machine.
	LibvirtMachineAddressInvalidReason = "AddressInvalid"

	// LibvirtMachineBootstrapRenderedCondition is true when the bootstrap data has been rendered to an Ignition config.
	LibvirtMachineBootstrapRenderedCondition = "BootstrapDataRendered"
	// LibvirtMachineBootstrapInvalidReason means that the bootstrap data cannot be rendered to an Ignition config. Correct
	// the field that the message names in the bootstrap template, which creates a new machine.
	LibvirtMachineBootstrapInvalidReason = "BootstrapDataInvalid"
	// LibvirtMachineProfileMissingReason means that the template of altcosTemplateRef, or an object that it names, does not
	// exist. Create it.
	LibvirtMachineProfileMissingReason = "ProfileMissing"

	// LibvirtMachineImageReadyCondition is true when the image is in the host's pool and verified.
	LibvirtMachineImageReadyCondition = "ImageReady"
	// LibvirtMachineImageImportingReason means that the image is being imported. The message has the progress.
	LibvirtMachineImageImportingReason = "ImageImporting"
	// LibvirtMachineImageInvalidReason means that the image has the wrong digest or is not a disk image. Correct spec.image
	// in the template, or the image.
	LibvirtMachineImageInvalidReason = "ImageInvalid"
	// LibvirtMachineImageUnavailableReason means that the image cannot be read at its source. Check the URL, or that the
	// volume is in the pool; it is tried again.
	LibvirtMachineImageUnavailableReason = "ImageUnavailable"

	// LibvirtMachineVolumesReadyCondition is true when the machine's disks and its Ignition config are in the pool.
	LibvirtMachineVolumesReadyCondition = "VolumesReady"
	// LibvirtMachineStorageFullReason means that the pool has no room. Free space in the pool, or replace the machine.
	LibvirtMachineStorageFullReason = "StoragePoolFull"
	// LibvirtMachineStoragePoolMissingReason means that the pool is not active on the host. Define and start it.
	LibvirtMachineStoragePoolMissingReason = "StoragePoolMissing"

	// LibvirtMachineDomainRunningCondition is true when the virtual machine runs.
	LibvirtMachineDomainRunningCondition = "DomainRunning"
	// LibvirtMachineDomainMissingReason means that the virtual machine is gone from its host. Delete the Machine: it is not
	// created again.
	LibvirtMachineDomainMissingReason = "DomainMissing"
	// LibvirtMachineDomainStoppedReason means that the virtual machine does not run. Start it on the host, or delete the
	// Machine; a MachineHealthCheck does this too.
	LibvirtMachineDomainStoppedReason = "DomainStopped"
	// LibvirtMachineDomainNotOwnedReason means that another object owns the domain or volume of this name or UUID. Remove
	// the domain or volume that the message names from the host, or replace the machine.
	LibvirtMachineDomainNotOwnedReason = "DomainNotOwned"
	// LibvirtMachineDomainRejectedReason means that the hypervisor refused the definition. See the message: the host lacks
	// something that the spec asks for.
	LibvirtMachineDomainRejectedReason = "DomainRejected"
	// LibvirtMachineBridgeMissingReason means that a bridge of the machine is not up on the host. Create it on the host.
	LibvirtMachineBridgeMissingReason = "BridgeMissing"

	// LibvirtMachineBootstrapDataRemovedCondition is true when the machine has its node and its Ignition config, which holds
	// secrets, has been removed from the host.
	LibvirtMachineBootstrapDataRemovedCondition = "BootstrapDataRemoved"
	// LibvirtMachineWaitingForNodeReason means that the machine has not joined its cluster yet. See its console log, which
	// status.domain.consoleLog names, and docs/debugging.md.
	LibvirtMachineWaitingForNodeReason = "WaitingForNode"

	// LibvirtMachineHostUnreachableReason means that the host does not answer. See the LibvirtHost; if it is lost for good,
	// delete the Machine and annotate the LibvirtMachine with infrastructure.cluster.x-k8s.io/forget-host: HOST.
	LibvirtMachineHostUnreachableReason = "HostUnreachable"
	// LibvirtMachineReadyReason is the reason of all true conditions of a LibvirtMachine.
	LibvirtMachineReadyReason = "Ready"
	// LibvirtMachineWaitingReason means that an earlier phase is not done. See the first condition that is false.
	LibvirtMachineWaitingReason = "WaitingForEarlierPhases"
	// LibvirtMachineFailedReason means that a phase failed. See the message; it is tried again.
	LibvirtMachineFailedReason = "Failed"
	// LibvirtMachineDeletingReason means that the machine is being deleted. The message tells what it waits for.
	LibvirtMachineDeletingReason = "Deleting"
)
