// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package capacity

import (
	"k8s.io/utils/ptr"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/placement"
)

// Requests are what the machine takes of a host. A root disk without size counts nothing: its size is the image's, which
// nobody knows before it has been read.
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

// Of returns the amounts that a LibvirtHost tells, zero for what it does not.
func Of(h infrav1.HostResources) placement.Resources {
	res := placement.Resources{VCPUs: int64(ptr.Deref(h.CPUs, 0))}
	if h.Memory != nil {
		res.MemoryBytes = h.Memory.Value()
	}
	if h.Storage != nil {
		res.DiskBytes = h.Storage.Value()
	}
	return res
}

// ForeignOn returns what the host carries besides the machines that are bound to it. As long as it has not told that, all
// that it has promised counts: a machine that counts twice waits, one that counts not at all overbooks the host. What it
// has promised beyond the bound counts too: a machine whose object went while it runs on becomes foreign at once, not
// with the host's next look.
func ForeignOn(h *infrav1.LibvirtHost, bound []placement.Bound) placement.Resources {
	foreign := h.Status.Foreign
	if foreign.CPUs == nil {
		foreign.CPUs = h.Status.Allocated.CPUs
	}
	if foreign.Memory == nil {
		foreign.Memory = h.Status.Allocated.Memory
	}
	if foreign.Storage == nil {
		foreign.Storage = h.Status.Allocated.Storage
	}
	beyond := Of(h.Status.Allocated)
	for _, b := range bound {
		beyond = beyond.Minus(b.Requests)
	}
	told := Of(foreign)
	return placement.Resources{
		VCPUs:       max(told.VCPUs, beyond.VCPUs),
		MemoryBytes: max(told.MemoryBytes, beyond.MemoryBytes),
		DiskBytes:   max(told.DiskBytes, beyond.DiskBytes),
	}
}
