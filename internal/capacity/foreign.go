// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package capacity

import (
	"github.com/altcos/cluster-api-provider-altcos/internal/placement"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// Machines are what the machines that are bound to a host ask for, by UUID.
type Machines map[string]placement.Resources

// ForeignDomains returns the CPUs and the memory of the host's domains that no machine asks for: the domains of others,
// and what ours were given beyond their requests. Without machines that is all of it. The owner in a domain's metadata
// tells nothing here: that of another management cluster looks like ours.
func ForeignDomains(domains []virt.Domain, machines Machines) placement.Resources {
	var sum placement.Resources
	for _, domain := range domains {
		asked := machines[domain.UUID]
		sum.VCPUs += max(int64(domain.VCPUs)-asked.VCPUs, 0)
		sum.MemoryBytes += max(domain.MemoryBytes-asked.MemoryBytes, 0)
	}
	return sum
}

// Storage is a pool as observed.
type Storage struct {
	Pool    virt.Pool
	Volumes []virt.Volume
	// ReadOnly are paths of files that are known not to grow, besides those that other volumes stand on.
	ReadOnly []string
}

// Promised is what the pool's files take when thin disks are full. What disks stand on is only read and does not grow; the
// disks themselves do, whoever made them and whether or not anybody said how large they shall be.
func (s Storage) Promised() int64 {
	promised, bases := s.Pool.CapacityBytes-s.Pool.AvailableBytes, s.bases()
	for _, volume := range s.Volumes {
		promised += growth(volume, bases)
	}
	return promised
}

// Foreign is the part of what is promised that no machine asks for: other files in the pool's file system, and what the
// disks of machines take beyond their requests.
func (s Storage) Foreign(machines Machines) int64 {
	taken, bases := map[string]int64{}, s.bases()
	for _, volume := range s.Volumes {
		if id, ok := machineOf(volume, machines); ok {
			taken[id] += min(volume.AllocatedBytes, volume.PhysicalBytes) + growth(volume, bases)
		}
	}
	foreign := s.Promised()
	for id, bytes := range taken {
		foreign -= min(bytes, machines[id].DiskBytes)
	}
	return max(foreign, 0)
}

func (s Storage) bases() map[string]bool {
	bases := map[string]bool{}
	for _, path := range s.ReadOnly {
		bases[path] = true
	}
	for _, volume := range s.Volumes {
		bases[volume.BackingPath] = true
	}
	return bases
}

func growth(volume virt.Volume, bases map[string]bool) int64 {
	if bases[volume.Path] {
		return 0
	}
	return max(volume.CapacityBytes-volume.PhysicalBytes, 0)
}

// machineOf says which machine the volume was made for: their names begin with its UUID.
func machineOf(volume virt.Volume, machines Machines) (id string, ok bool) {
	const uuidLength = 36
	if len(volume.Name) < uuidLength {
		return "", false
	}
	id = volume.Name[:uuidLength]
	_, ok = machines[id]
	return id, ok
}
