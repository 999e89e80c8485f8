// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package capacity

import (
	"cmp"

	"k8s.io/utils/ptr"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/placement"
)

// Requests are the resources that the machine needs on its host. A root disk without size counts as nothing: its size is
// the image's, which is unknown until the image has been read.
func Requests(lm *infrav1.LibvirtMachine) placement.Resources {
	res := placement.Resources{VCPUs: int64(lm.Spec.VCPUs), MemoryBytes: lm.Spec.Memory.Value()}
	if size := lm.Spec.RootDisk.Size; size != nil {
		res.DiskBytes = size.Value()
	}
	for _, disk := range lm.Spec.DataDisks {
		res.DiskBytes += disk.Size.Value()
	}
	return res
}

// FromStatus returns the amounts in the status of a LibvirtHost, zero for what is not reported.
func FromStatus(h infrav1.HostResources) placement.Resources {
	res := placement.Resources{VCPUs: int64(ptr.Deref(h.CPUs, 0))}
	if h.Memory != nil {
		res.MemoryBytes = h.Memory.Value()
	}
	if h.Storage != nil {
		res.DiskBytes = h.Storage.Value()
	}
	return res
}

// UnaccountedOn returns what is allocated on the host besides the requests of the machines that are bound to it. As long as
// the host has not reported that, everything allocated counts: a machine that counts twice waits, one that does not count
// overbooks the host. What is allocated beyond the requests of the bound machines counts too: a domain whose LibvirtMachine
// has been deleted is unaccounted for at once, not only after the next observation of the host.
func UnaccountedOn(h *infrav1.LibvirtHost, bound []placement.Bound) placement.Resources {
	allocated, unaccounted := h.Status.Allocated, h.Status.Unaccounted
	reported := FromStatus(infrav1.HostResources{
		CPUs:    cmp.Or(unaccounted.CPUs, allocated.CPUs),
		Memory:  cmp.Or(unaccounted.Memory, allocated.Memory),
		Storage: cmp.Or(unaccounted.Storage, allocated.Storage),
	})
	beyond := FromStatus(allocated)
	for _, b := range bound {
		beyond = beyond.Minus(b.Requests)
	}
	return placement.Resources{
		VCPUs:       max(reported.VCPUs, beyond.VCPUs),
		MemoryBytes: max(reported.MemoryBytes, beyond.MemoryBytes),
		DiskBytes:   max(reported.DiskBytes, beyond.DiskBytes),
	}
}
