// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package capacity

import (
	"cmp"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

// What a LibvirtHost's empty fields mean.
const (
	defaultCPUPercent     = 400
	defaultMemoryPercent  = 100
	defaultStoragePercent = 100
	defaultMemoryReserve  = 1 << 30
)

// Allocatable is what may be allocated to machines in total: (capacity - reserve) x overcommit, never below zero.
func Allocatable(spec *infrav1.LibvirtHostSpec, has infrav1.HostResources) infrav1.HostResources {
	var all infrav1.HostResources
	if has.CPUs != nil {
		free := *has.CPUs - ptr.Deref(spec.Reserve.CPUs, 0)
		cpus := int32(overcommit(int64(free), spec.Overcommit.CPUPercent, defaultCPUPercent))
		all.CPUs = &cpus
	}
	if has.Memory != nil {
		free := has.Memory.Value() - valueOr(spec.Reserve.Memory, defaultMemoryReserve)
		all.Memory = quantity(overcommit(free, spec.Overcommit.MemoryPercent, defaultMemoryPercent))
	}
	if has.Storage != nil {
		free := has.Storage.Value() - valueOr(spec.Reserve.Storage, 0)
		all.Storage = quantity(overcommit(free, spec.Overcommit.StoragePercent, defaultStoragePercent))
	}
	return all
}

func overcommit(free int64, percent, otherwise int32) int64 {
	return max(free, 0) * int64(cmp.Or(percent, otherwise)) / 100
}

func quantity(bytes int64) *resource.Quantity { return resource.NewQuantity(bytes, resource.BinarySI) }

func valueOr(quantity *resource.Quantity, otherwise int64) int64 {
	if quantity == nil {
		return otherwise
	}
	return quantity.Value()
}
