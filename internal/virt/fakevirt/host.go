// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fakevirt

import (
	"context"
	"fmt"
	"sync"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

const gib = int64(1) << 30

// Host is a hypervisor in memory.
type Host struct {
	name  string
	cloud *Cloud

	mu          sync.Mutex
	facts       virt.Facts
	interfaces  map[string]bool
	pools       map[string]virt.Pool
	volumes     map[virt.VolumeRef]*volume
	domains     map[string]*domain
	faults      []*pendingFault
	calls       map[Method]int
	unreachable bool
	shell       virt.Shell
}

var _ virt.Host = &Host{}

// HostOption changes a new host.
type HostOption func(*Host)

// WithCPUs sets the number of logical processors.
func WithCPUs(n int) HostOption { return func(h *Host) { h.facts.CPUs = n } }

// WithMemory sets the memory in bytes.
func WithMemory(bytes int64) HostOption { return func(h *Host) { h.facts.MemoryBytes = bytes } }

// WithPool adds or replaces a storage pool of the given capacity in bytes.
func WithPool(name string, capacity int64) HostOption {
	return func(h *Host) {
		path := "/var/lib/libvirt/images"
		if name != "default" {
			path += "/" + name
		}
		h.pools[name] = virt.Pool{Name: name, Path: path, CapacityBytes: capacity}
	}
}

// WithoutPools removes the default pool.
func WithoutPools() HostOption { return func(h *Host) { clear(h.pools) } }

// WithInterface adds a network interface, up or down.
func WithInterface(name string, up bool) HostOption {
	return func(h *Host) { h.interfaces[name] = up }
}

func newHost(c *Cloud, name string, opts []HostOption) *Host {
	h := &Host{
		name:  name,
		cloud: c,
		facts: virt.Facts{
			Hostname:          name,
			LibvirtVersion:    "9.0.0",
			HypervisorVersion: "7.2.22",
			Architecture:      "x86_64",
			CPUs:              8,
			MemoryBytes:       32 * gib,
			KVM:               true,
		},
		interfaces: map[string]bool{"br0": true},
		pools:      map[string]virt.Pool{},
		volumes:    map[virt.VolumeRef]*volume{},
		domains:    map[string]*domain{},
		calls:      map[Method]int{},
	}
	WithPool("default", 100*gib)(h)
	for _, opt := range opts {
		opt(h)
	}
	return h
}

// Name returns the name the host was added with.
func (h *Host) Name() string { return h.name }

// Facts implements virt.Inventory.
func (h *Host) Facts(ctx context.Context) (virt.Facts, error) {
	return call(ctx, h, MethodFacts, func() (virt.Facts, error) { return h.facts, nil })
}

// Pool implements virt.Inventory.
func (h *Host) Pool(ctx context.Context, name string) (virt.Pool, error) {
	return call(ctx, h, MethodPool, func() (virt.Pool, error) { return h.pool(name) })
}

// HasInterface implements virt.Inventory.
func (h *Host) HasInterface(ctx context.Context, name string) (bool, error) {
	return call(ctx, h, MethodHasInterface, func() (bool, error) { return h.interfaces[name], nil })
}

// pool returns the pool with what is left of it.
func (h *Host) pool(name string) (virt.Pool, error) {
	p, ok := h.pools[name]
	if !ok {
		return virt.Pool{}, fmt.Errorf("find pool %q: %w", name, virt.ErrNoPool)
	}
	p.AvailableBytes = p.CapacityBytes
	for ref, v := range h.volumes {
		if ref.Pool == name {
			p.AvailableBytes -= v.PhysicalBytes
		}
	}
	return p, nil
}
