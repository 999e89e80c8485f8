// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirthost

import (
	"k8s.io/apimachinery/pkg/api/resource"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/capacity"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/placement"
)

// maxBridgeAddresses is the limit of the API: more would keep the whole status from being stored.
const maxBridgeAddresses = 16

// describe writes what the status tells beside the conditions.
func (s *scope) describe() {
	s.host.Status.ObservedGeneration = s.host.Generation
	s.host.Status.FailureDomain = inventory.FailureDomain(s.host)
	if !s.host.DeletionTimestamp.IsZero() {
		return
	}
	s.describeFacts()
	if !s.record.Ran(loadBalancerReady) && (s.conn != nil || !inventory.CarriesLoadBalancers(s.host)) {
		s.record.Omit(loadBalancerReady)
	}
}

// describeFacts writes what the host has, as far as it was found out. What was found earlier stays.
func (s *scope) describeFacts() {
	status := &s.host.Status
	if s.facts.CPUs > 0 {
		status.Hostname = s.facts.Hostname
		status.Versions.Libvirt, status.Versions.Hypervisor = s.facts.LibvirtVersion, s.facts.HypervisorVersion
		status.Accelerator = accelerator(s.host.Spec.Accelerator, s.facts.KVM)
		status.Capacity.CPUs = new(int32(s.facts.CPUs))
		status.Capacity.Memory = resource.NewQuantity(s.facts.MemoryBytes, resource.BinarySI)
	}
	if s.facts.CPUs > 0 {
		tellDomains(&status.Allocated, capacity.UnaccountedDomains(s.domains, nil))
		tellDomains(&status.Unaccounted, capacity.UnaccountedDomains(s.domains, s.machines))
	}
	if s.pool.CapacityBytes > 0 {
		storage := s.storage()
		if s.listed || status.Allocated.Storage == nil {
			status.Allocated.Storage = resource.NewQuantity(storage.Allocated(), resource.BinarySI)
		}
		if s.listed || status.Unaccounted.Storage == nil {
			status.Unaccounted.Storage = resource.NewQuantity(storage.Unaccounted(s.machines), resource.BinarySI)
		}
		status.Capacity.Storage = resource.NewQuantity(s.pool.CapacityBytes, resource.BinarySI)
	}
	if s.system != nil {
		status.BridgeAddresses = nil
		own := inventory.OwnAddresses(s.system.BridgeAddresses, s.virtual)
		for _, address := range own[:min(len(own), maxBridgeAddresses)] {
			status.BridgeAddresses = append(status.BridgeAddresses, address.String())
		}
	}
	if s.imagesKnown {
		status.Images = cachedImages(s.images)
	}
	status.Allocatable = capacity.Allocatable(&s.host.Spec, status.Capacity)
}

func tellDomains(told *infrav1.HostResources, amount placement.Resources) {
	told.CPUs = new(int32(amount.VCPUs))
	told.Memory = resource.NewQuantity(amount.MemoryBytes, resource.BinarySI)
}

// storage is the pool. An image that nothing stands on yet does not grow either.
func (s *scope) storage() capacity.Storage {
	storage := capacity.Storage{Pool: s.pool, Volumes: s.volumes}
	for _, image := range s.images {
		storage.ReadOnly = append(storage.ReadOnly, image.Volume.Path)
	}
	return storage
}

func accelerator(wanted infrav1.Accelerator, kvm bool) infrav1.Accelerator {
	switch {
	case wanted != "":
		return wanted
	case kvm:
		return infrav1.AcceleratorKVM
	}
	return infrav1.AcceleratorTCG
}
