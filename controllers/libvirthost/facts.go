// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirthost

import (
	"cmp"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/capacity"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/placement"
)

// What a LibvirtHost's empty fields mean.
const (
	defaultCPUPercent     = 400
	defaultMemoryPercent  = 100
	defaultStoragePercent = 100
	defaultMemoryReserve  = 1 << 30
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
		status.Capacity.CPUs = ptr.To(int32(s.facts.CPUs))
		status.Capacity.Memory = resource.NewQuantity(s.facts.MemoryBytes, resource.BinarySI)
	}
	if s.facts.CPUs > 0 {
		tellDomains(&status.Allocated, capacity.ForeignDomains(s.domains, nil))
		tellDomains(&status.Foreign, capacity.ForeignDomains(s.domains, s.machines))
	}
	if s.pool.CapacityBytes > 0 {
		storage := s.storage()
		if s.listed || status.Allocated.Storage == nil {
			status.Allocated.Storage = resource.NewQuantity(storage.Promised(), resource.BinarySI)
		}
		if s.listed || status.Foreign.Storage == nil {
			status.Foreign.Storage = resource.NewQuantity(storage.Foreign(s.machines), resource.BinarySI)
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
	status.Allocatable = allocatable(&s.host.Spec, status.Capacity)
}

func tellDomains(told *infrav1.HostResources, amount placement.Resources) {
	told.CPUs = ptr.To(int32(amount.VCPUs))
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

// allocatable is what may be promised to machines in all: (capacity - reserve) x overcommit.
func allocatable(spec *infrav1.LibvirtHostSpec, has infrav1.HostResources) infrav1.HostResources {
	var all infrav1.HostResources
	if has.CPUs != nil {
		free := int64(*has.CPUs) - int64(ptr.Deref(spec.Reserve.CPUs, 0))
		all.CPUs = ptr.To(int32(promised(free, spec.Overcommit.CPUPercent, defaultCPUPercent)))
	}
	if has.Memory != nil {
		free := has.Memory.Value() - valueOr(spec.Reserve.Memory, defaultMemoryReserve)
		all.Memory = resource.NewQuantity(promised(free, spec.Overcommit.MemoryPercent, defaultMemoryPercent), resource.BinarySI)
	}
	if has.Storage != nil {
		free := has.Storage.Value() - valueOr(spec.Reserve.Storage, 0)
		all.Storage = resource.NewQuantity(promised(free, spec.Overcommit.StoragePercent, defaultStoragePercent), resource.BinarySI)
	}
	return all
}

func promised(free int64, percent, otherwise int32) int64 {
	return max(free, 0) * int64(cmp.Or(percent, otherwise)) / 100
}

func valueOr(quantity *resource.Quantity, otherwise int64) int64 {
	if quantity == nil {
		return otherwise
	}
	return quantity.Value()
}
