// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"k8s.io/utils/ptr"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/phase"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// Conditions of the phases.
const (
	inputsReady       = infrav1.LibvirtMachineInputsReadyCondition
	hostAssigned      = infrav1.LibvirtMachineHostAssignedCondition
	addressesReady    = infrav1.LibvirtMachineAddressesReadyCondition
	bootstrapRendered = infrav1.LibvirtMachineBootstrapRenderedCondition
	imageReady        = infrav1.LibvirtMachineImageReadyCondition
	volumesReady      = infrav1.LibvirtMachineVolumesReadyCondition
	domainRunning     = infrav1.LibvirtMachineDomainRunningCondition
	bootstrapRemoved  = infrav1.LibvirtMachineBootstrapDataRemovedCondition
)

// conditionTable declares the conditions. They all last, since a machine keeps what it has when its host does not answer.
// It is ready before it has joined its cluster, and not ready if its secrets cannot be removed afterwards.
func conditionTable() phase.Table {
	return phase.Table{
		Rows: []phase.Row{
			{Condition: inputsReady, Lasts: true},
			{Condition: hostAssigned, Lasts: true},
			{Condition: addressesReady, Lasts: true},
			{Condition: bootstrapRendered, Lasts: true},
			{Condition: imageReady, Lasts: true},
			{Condition: volumesReady, Lasts: true},
			{Condition: domainRunning, Lasts: true},
			{Condition: bootstrapRemoved, Lasts: true, AfterReady: infrav1.LibvirtMachineWaitingForNodeReason},
		},
		Done:     infrav1.LibvirtMachineReadyReason,
		Waiting:  infrav1.LibvirtMachineWaitingReason,
		Failed:   infrav1.LibvirtMachineFailedReason,
		Deleting: infrav1.LibvirtMachineDeletingReason,
	}
}

// describe writes the status except for the conditions.
func (s *scope) describe() {
	status := &s.lm.Status
	status.ObservedGeneration = s.lm.Generation
	if s.vm.Host != nil {
		status.FailureDomain = inventory.FailureDomain(s.vm.Host)
	}
	if s.vm.Domain != nil {
		status.Domain.Name = s.vm.Domain.Name
		status.Domain.State = string(s.vm.Domain.State)
		status.Domain.ConsoleLog = s.vm.Domain.ConsoleLog
	}
	if !s.lm.DeletionTimestamp.IsZero() {
		return
	}
	if len(s.vm.Interfaces) > 0 {
		status.Addresses = machineAddresses(s)
	}
	if s.vm.Domain != nil && s.vm.Domain.State == virt.DomainRunning && s.record.Done(domainRunning) {
		status.Initialization.Provisioned = ptr.To(true)
	}
}

// machineAddresses are the node's name and the addresses of its interfaces.
func machineAddresses(s *scope) []clusterv1.MachineAddress {
	list := []clusterv1.MachineAddress{{Type: clusterv1.MachineHostName, Address: s.hostname()}}
	for _, n := range s.vm.Interfaces {
		for _, prefix := range n.Addresses {
			list = append(list, clusterv1.MachineAddress{Type: clusterv1.MachineInternalIP, Address: prefix.Addr().String()})
		}
	}
	return list
}
