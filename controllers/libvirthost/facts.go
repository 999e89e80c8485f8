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

// maxBridgeAddresses is the limit of the API: with more the whole status would be rejected.
const maxBridgeAddresses = 16

// describe writes the status except for the conditions.
func (s *scope) describe() {
	s.host.Status.ObservedGeneration = s.host.Generation
	s.host.Status.FailureDomain = inventory.FailureDomain(s.host)
	if !s.host.DeletionTimestamp.IsZero() {
		return
	}
	s.describeFacts()
	if s.conn != nil || !inventory.CarriesLoadBalancers(s.host) {
		if !s.record.Ran(loadBalancerReady) {
			s.record.Omit(loadBalancerReady)
		}
		return
	}
	s.record.Keep(loadBalancerReady) // a host that does not answer keeps its place among those that serve endpoints
}

// describeFacts writes what was observed of the host. What could not be observed this time stays as it was.
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
		setDomainResources(&status.Allocated, capacity.UnaccountedDomains(s.domains, nil))
		setDomainResources(&status.Unaccounted, capacity.UnaccountedDomains(s.domains, s.machines))
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

func setDomainResources(status *infrav1.HostResources, amount placement.Resources) {
	status.CPUs = new(int32(amount.VCPUs))
	status.Memory = resource.NewQuantity(amount.MemoryBytes, resource.BinarySI)
}

// storage is the pool with its volumes. Images never grow, not even those that no disk is backed by yet.
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
