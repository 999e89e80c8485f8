// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirthost

import (
	"cmp"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/hostaccess"
	"github.com/altcos/cluster-api-provider-altcos/internal/imagecache"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
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

// describe writes what the host has, as far as it was found out. What was found earlier stays.
func (s *scope) describe() {
	status := &s.host.Status
	if s.facts.CPUs > 0 {
		status.Hostname = s.facts.Hostname
		status.Versions.Libvirt, status.Versions.Hypervisor = s.facts.LibvirtVersion, s.facts.HypervisorVersion
		status.Accelerator = accelerator(s.host.Spec.Accelerator, s.facts.KVM)
		status.Capacity.CPUs = ptr.To(int32(s.facts.CPUs))
		status.Capacity.Memory = resource.NewQuantity(s.facts.MemoryBytes, resource.BinarySI)
	}
	if s.facts.CPUs > 0 {
		var cpus, memory int64
		for _, domain := range s.domains {
			cpus, memory = cpus+int64(domain.VCPUs), memory+domain.MemoryBytes
		}
		status.Allocated.CPUs = ptr.To(int32(cpus))
		status.Allocated.Memory = resource.NewQuantity(memory, resource.BinarySI)
	}
	if s.pool.CapacityBytes > 0 {
		if s.listed || status.Allocated.Storage == nil {
			status.Allocated.Storage = resource.NewQuantity(promisedStorage(s.pool, s.volumes, s.images), resource.BinarySI)
		}
		status.Capacity.Storage = resource.NewQuantity(s.pool.CapacityBytes, resource.BinarySI)
	}
	if s.system != nil {
		status.BridgeAddresses = nil
		own := hostaccess.OwnAddresses(s.system.BridgeAddresses, s.virtual)
		for _, address := range own[:min(len(own), maxBridgeAddresses)] {
			status.BridgeAddresses = append(status.BridgeAddresses, address.String())
		}
	}
	if s.imagesKnown {
		status.Images = cachedImages(s.images)
	}
	status.Allocatable = allocatable(&s.host.Spec, status.Capacity)
}

// promisedStorage is what the pool's files take when thin disks are full. What disks stand on is only read and does not
// grow; the disks themselves do, whoever made them and whether or not anybody said how large they shall be.
func promisedStorage(pool virt.Pool, volumes []virt.Volume, images []imagecache.Image) int64 {
	bases := map[string]bool{}
	for _, volume := range volumes {
		bases[volume.BackingPath] = true
	}
	for _, image := range images {
		bases[image.Volume.Path] = true
	}
	promised := pool.CapacityBytes - pool.AvailableBytes
	for _, volume := range volumes {
		if !bases[volume.Path] {
			promised += max(volume.CapacityBytes-volume.PhysicalBytes, 0)
		}
	}
	return promised
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
func allocatable(spec *infrav1.LibvirtHostSpec, capacity infrav1.HostResources) infrav1.HostResources {
	var all infrav1.HostResources
	if capacity.CPUs != nil {
		free := int64(*capacity.CPUs) - int64(ptr.Deref(spec.Reserve.CPUs, 0))
		all.CPUs = ptr.To(int32(promised(free, spec.Overcommit.CPUPercent, defaultCPUPercent)))
	}
	if capacity.Memory != nil {
		free := capacity.Memory.Value() - valueOr(spec.Reserve.Memory, defaultMemoryReserve)
		all.Memory = resource.NewQuantity(promised(free, spec.Overcommit.MemoryPercent, defaultMemoryPercent), resource.BinarySI)
	}
	if capacity.Storage != nil {
		free := capacity.Storage.Value() - valueOr(spec.Reserve.Storage, 0)
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
