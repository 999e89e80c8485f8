// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package capacity_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/capacity"
	"github.com/altcos/cluster-api-provider-altcos/internal/placement"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

const (
	gib    = int64(1) << 30
	ours   = "6f0b4c8e-0000-4000-8000-000000000001"
	theirs = "6f0b4c8e-0000-4000-8000-000000000002"
)

func machines() capacity.Machines {
	return capacity.Machines{ours: {VCPUs: 2, MemoryBytes: 4 * gib, DiskBytes: 30 * gib}}
}

func TestUnaccountedDomains(t *testing.T) {
	for name, c := range map[string]struct {
		domains []virt.Domain
		want    placement.Resources
	}{
		"a machine without a domain hides nothing": {
			[]virt.Domain{{UUID: theirs, VCPUs: 3, MemoryBytes: 16 * gib}}, placement.Resources{VCPUs: 3, MemoryBytes: 16 * gib},
		},
		"a machine accounts for its domain": {
			[]virt.Domain{{UUID: ours, VCPUs: 2, MemoryBytes: 4 * gib}, {UUID: theirs, VCPUs: 3, MemoryBytes: 16 * gib}},
			placement.Resources{VCPUs: 3, MemoryBytes: 16 * gib},
		},
		"metadata like ours does not make a domain ours": {
			[]virt.Domain{{UUID: theirs, Owner: virt.Owner{UID: theirs, Namespace: "ns", Name: "m"}, VCPUs: 1, MemoryBytes: gib}},
			placement.Resources{VCPUs: 1, MemoryBytes: gib},
		},
		"what a domain has beyond the spec is unaccounted for, what it lacks is not free": {
			[]virt.Domain{{UUID: ours, VCPUs: 1, MemoryBytes: 6 * gib}}, placement.Resources{MemoryBytes: 2 * gib},
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, capacity.UnaccountedDomains(c.domains, machines()))
		})
	}
}

func TestStorage(t *testing.T) {
	image := virt.Volume{VolumeRef: virt.VolumeRef{Name: "image"}, Path: "/image", CapacityBytes: 8 * gib, PhysicalBytes: gib, AllocatedBytes: gib}
	disk := func(name string, capacityBytes, physical int64) virt.Volume {
		return virt.Volume{
			VolumeRef: virt.VolumeRef{Name: name}, Path: "/" + name, BackingPath: "/image",
			CapacityBytes: capacityBytes, PhysicalBytes: physical, AllocatedBytes: physical,
		}
	}
	for name, c := range map[string]struct {
		used                   int64
		volumes                []virt.Volume
		allocated, unaccounted int64
	}{
		"files that are no volumes":                 {5 * gib, nil, 5 * gib, 5 * gib},
		"an image that backs disks":                 {gib, []virt.Volume{image, disk(theirs+"-root", 10*gib, 0)}, 11 * gib, 11 * gib},
		"an image that backs no disk":               {gib, []virt.Volume{image}, gib, gib},
		"disks of a machine count for its requests": {3 * gib, []virt.Volume{image, disk(ours+"-root", 10*gib, 2*gib)}, 11 * gib, gib},
		"disks of a machine beyond its requests":    {gib, []virt.Volume{image, disk(ours+"-root", 20*gib, 0), disk(ours+"-data", 20*gib, 0)}, 41 * gib, 11 * gib},
		"a short name":                              {gib, []virt.Volume{disk("x", gib, gib)}, gib, gib},
	} {
		t.Run(name, func(t *testing.T) {
			s := capacity.Storage{
				Pool:    virt.Pool{CapacityBytes: 100 * gib, AvailableBytes: 100*gib - c.used},
				Volumes: c.volumes, ReadOnly: []string{"/image"},
			}
			got := []int64{s.Allocated(), s.Unaccounted(machines())}
			assert.Equal(t, []int64{c.allocated, c.unaccounted}, got)
		})
	}
}

func TestUnaccountedOn_countsEverythingAllocatedAsLongAsNothingIsReported(t *testing.T) {
	host := &infrav1.LibvirtHost{}
	host.Status.Allocated = infrav1.HostResources{
		CPUs: new(int32(4)), Memory: resource.NewQuantity(8*gib, resource.BinarySI), Storage: resource.NewQuantity(20*gib, resource.BinarySI),
	}
	want := placement.Resources{VCPUs: 4, MemoryBytes: 8 * gib, DiskBytes: 20 * gib}
	assert.Equal(t, want, capacity.UnaccountedOn(host, nil))
	host.Status.Unaccounted = infrav1.HostResources{CPUs: new(int32(0)), Memory: resource.NewQuantity(gib, resource.BinarySI)}
	want = placement.Resources{MemoryBytes: gib, DiskBytes: 20 * gib}
	bound := []placement.Bound{{Requests: placement.Resources{VCPUs: 4, MemoryBytes: 7 * gib}}}
	assert.Equal(t, want, capacity.UnaccountedOn(host, bound))
}

func TestUnaccountedOn_countsDomainsWhoseMachineIsDeleted(t *testing.T) {
	host := &infrav1.LibvirtHost{}
	host.Status.Allocated = infrav1.HostResources{
		CPUs: new(int32(6)), Memory: resource.NewQuantity(24*gib, resource.BinarySI), Storage: resource.NewQuantity(20*gib, resource.BinarySI),
	}
	host.Status.Unaccounted = infrav1.HostResources{
		CPUs: new(int32(0)), Memory: resource.NewQuantity(8*gib, resource.BinarySI), Storage: resource.NewQuantity(0, resource.BinarySI),
	}
	one := placement.Bound{Requests: placement.Resources{VCPUs: 3, MemoryBytes: 8 * gib, DiskBytes: 10 * gib}}
	for name, c := range map[string]struct {
		bound []placement.Bound
		want  placement.Resources
	}{
		"two machines as allocated":                    {[]placement.Bound{one, one}, placement.Resources{MemoryBytes: 8 * gib}},
		"one of which was deleted, its domain was not": {[]placement.Bound{one}, placement.Resources{VCPUs: 3, MemoryBytes: 16 * gib, DiskBytes: 10 * gib}},
		"and a third that has no domain yet":           {[]placement.Bound{one, one, one}, placement.Resources{MemoryBytes: 8 * gib}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, capacity.UnaccountedOn(host, c.bound))
		})
	}
}

func TestAllocatable(t *testing.T) {
	quantity := func(gibs int64) *resource.Quantity { return resource.NewQuantity(gibs*gib, resource.BinarySI) }
	has := infrav1.HostResources{CPUs: new(int32(8)), Memory: quantity(32), Storage: quantity(100)}
	for name, c := range map[string]struct {
		spec infrav1.LibvirtHostSpec
		has  infrav1.HostResources
		want infrav1.HostResources
	}{
		"defaults": {has: has, want: infrav1.HostResources{CPUs: new(int32(32)), Memory: quantity(31), Storage: quantity(100)}},
		"the reserve is taken before the overcommit": {
			infrav1.LibvirtHostSpec{
				Reserve:    infrav1.HostResources{CPUs: new(int32(2)), Memory: quantity(2), Storage: quantity(20)},
				Overcommit: infrav1.HostOvercommit{CPUPercent: 300, MemoryPercent: 150, StoragePercent: 200},
			}, has, infrav1.HostResources{CPUs: new(int32(18)), Memory: quantity(45), Storage: quantity(160)},
		},
		"a reserve beyond the capacity leaves nothing": {
			infrav1.LibvirtHostSpec{Reserve: infrav1.HostResources{CPUs: new(int32(9)), Memory: quantity(33), Storage: quantity(101)}},
			has, infrav1.HostResources{CPUs: new(int32(0)), Memory: quantity(0), Storage: quantity(0)},
		},
		"what is unknown stays unknown": {},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, capacity.Allocatable(&c.spec, c.has))
		})
	}
}
