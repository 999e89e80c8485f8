// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package capacity

import (
	"github.com/altcos/cluster-api-provider-altcos/internal/placement"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// Machines are the requests of the machines that are bound to a host, by UUID.
type Machines map[string]placement.Resources

// UnaccountedDomains returns the CPUs and the memory of the host's domains that no machine requests: the domains of others,
// and what our domains have beyond the requests of their machines. Without machines that is all of it. The owner in a
// domain's metadata does not matter: domains of another management cluster have one too.
func UnaccountedDomains(domains []virt.Domain, machines Machines) placement.Resources {
	var sum placement.Resources
	for _, domain := range domains {
		requests := machines[domain.UUID]
		sum.VCPUs += max(int64(domain.VCPUs)-requests.VCPUs, 0)
		sum.MemoryBytes += max(domain.MemoryBytes-requests.MemoryBytes, 0)
	}
	return sum
}

// Storage is a pool as observed.
type Storage struct {
	Pool    virt.Pool
	Volumes []virt.Volume
	// ReadOnly are paths of files that are known not to grow, besides those that back other volumes.
	ReadOnly []string
}

// Allocated is the size of the pool's files when thin disks are full. Files that back disks are only read and do not grow;
// the disks themselves do, whoever created them and whether or not a size was requested for them.
func (s Storage) Allocated() int64 {
	allocated, bases := s.Pool.CapacityBytes-s.Pool.AvailableBytes, s.bases()
	for _, volume := range s.Volumes {
		allocated += growth(volume, bases)
	}
	return allocated
}

// Unaccounted is the part of what is allocated that no machine requests: other files in the pool's file system, and what
// the disks of machines have beyond the requests.
func (s Storage) Unaccounted(machines Machines) int64 {
	disks, bases := map[string]int64{}, s.bases()
	for _, volume := range s.Volumes {
		if id, ok := machineOf(volume, machines); ok {
			disks[id] += min(volume.AllocatedBytes, volume.PhysicalBytes) + growth(volume, bases)
		}
	}
	unaccounted := s.Allocated()
	for id, bytes := range disks {
		unaccounted -= min(bytes, machines[id].DiskBytes)
	}
	return max(unaccounted, 0)
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

// machineOf returns the machine that the volume was created for: the names of its volumes begin with its UUID.
func machineOf(volume virt.Volume, machines Machines) (id string, ok bool) {
	const uuidLength = 36
	if len(volume.Name) < uuidLength {
		return "", false
	}
	id = volume.Name[:uuidLength]
	_, ok = machines[id]
	return id, ok
}
