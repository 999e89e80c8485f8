// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Conditions of a LibvirtMachine, one for each phase in the order of the phases, and their reasons.
const (
	// LibvirtMachineInputsReadyCondition is true when the cluster's infrastructure is provisioned and the machine has
	// bootstrap data.
	LibvirtMachineInputsReadyCondition = "InputsReady"
	// LibvirtMachineWaitingForClusterReason says that the cluster's infrastructure is not provisioned yet.
	LibvirtMachineWaitingForClusterReason = "WaitingForClusterInfrastructure"
	// LibvirtMachineWaitingForBootstrapDataReason says that the bootstrap provider has not written its data yet.
	LibvirtMachineWaitingForBootstrapDataReason = "WaitingForBootstrapData"

	// LibvirtMachineHostAssignedCondition is true when a host has been chosen.
	LibvirtMachineHostAssignedCondition = "HostAssigned"
	// LibvirtMachineNoHostFitsReason says that no host can take the machine; the message says why for each host.
	LibvirtMachineNoHostFitsReason = "NoHostFits"
	// LibvirtMachineHostUnknownReason says that the host named in the spec does not exist.
	LibvirtMachineHostUnknownReason = "HostUnknown"

	// LibvirtMachineAddressesReadyCondition is true when all addresses that the machine needs have been allocated.
	LibvirtMachineAddressesReadyCondition = "AddressesReady"
	// LibvirtMachineWaitingForAddressReason says that an IPAM provider has not answered a claim yet.
	LibvirtMachineWaitingForAddressReason = "WaitingForAddress"
	// LibvirtMachineAddressInvalidReason says that an address in the spec or from a pool cannot be used.
	LibvirtMachineAddressInvalidReason = "AddressInvalid"

	// LibvirtMachineBootstrapRenderedCondition is true when the bootstrap data has been turned into an Ignition config.
	LibvirtMachineBootstrapRenderedCondition = "BootstrapDataRendered"
	// LibvirtMachineBootstrapInvalidReason says that the bootstrap data cannot be turned into an Ignition config.
	LibvirtMachineBootstrapInvalidReason = "BootstrapDataInvalid"
	// LibvirtMachineProfileMissingReason says that the template named by altcosTemplateRef does not exist.
	LibvirtMachineProfileMissingReason = "ProfileMissing"

	// LibvirtMachineImageReadyCondition is true when the image is in the host's pool, verified.
	LibvirtMachineImageReadyCondition = "ImageReady"
	// LibvirtMachineImageImportingReason says that the image is on its way to the host.
	LibvirtMachineImageImportingReason = "ImageImporting"
	// LibvirtMachineImageInvalidReason says that the image has the wrong digest or is no disk image.
	LibvirtMachineImageInvalidReason = "ImageInvalid"
	// LibvirtMachineImageUnavailableReason says that the image cannot be read at its source.
	LibvirtMachineImageUnavailableReason = "ImageUnavailable"

	// LibvirtMachineVolumesReadyCondition is true when the machine's disks and its Ignition config are in the pool.
	LibvirtMachineVolumesReadyCondition = "VolumesReady"
	// LibvirtMachineStorageFullReason says that the pool has no room.
	LibvirtMachineStorageFullReason = "StoragePoolFull"

	// LibvirtMachineStoragePoolMissingReason says that the host has no storage pool of the name that the machine uses.
	LibvirtMachineStoragePoolMissingReason = "StoragePoolMissing"

	// LibvirtMachineDomainRunningCondition is true when the virtual machine runs.
	LibvirtMachineDomainRunningCondition = "DomainRunning"
	// LibvirtMachineDomainMissingReason says that a machine that had been provisioned is gone from its host.
	LibvirtMachineDomainMissingReason = "DomainMissing"
	// LibvirtMachineDomainStoppedReason says that the virtual machine does not run.
	LibvirtMachineDomainStoppedReason = "DomainStopped"
	// LibvirtMachineForeignDomainReason says that a domain with our name or UUID belongs to somebody else.
	LibvirtMachineForeignDomainReason = "ForeignDomain"
	// LibvirtMachineDomainRejectedReason says that the hypervisor refused the definition.
	LibvirtMachineDomainRejectedReason = "DomainRejected"
	// LibvirtMachineBridgeMissingReason says that a bridge that the machine is to be attached to is not up on the host.
	LibvirtMachineBridgeMissingReason = "BridgeMissing"

	// LibvirtMachineBootstrapDataRemovedCondition is true when the Ignition config, which holds secrets, is gone from the
	// host. It becomes true after the machine has its node.
	LibvirtMachineBootstrapDataRemovedCondition = "BootstrapDataRemoved"
	// LibvirtMachineWaitingForNodeReason says that the machine has not joined its cluster yet.
	LibvirtMachineWaitingForNodeReason = "WaitingForNode"

	// LibvirtMachineHostUnreachableReason says that the host does not answer; nothing is known about the machine.
	LibvirtMachineHostUnreachableReason = "HostUnreachable"
	// LibvirtMachineReadyReason is the reason of all true conditions of a LibvirtMachine.
	LibvirtMachineReadyReason = "Ready"
	// LibvirtMachineWaitingReason says that an earlier phase has to be done first.
	LibvirtMachineWaitingReason = "WaitingForEarlierPhases"
	// LibvirtMachineFailedReason says that a phase failed and will be tried again.
	LibvirtMachineFailedReason = "Failed"
	// LibvirtMachineDeletingReason says that the machine is being removed.
	LibvirtMachineDeletingReason = "Deleting"
)
