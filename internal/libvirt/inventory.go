// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	rpc "github.com/digitalocean/go-libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/altcos/cluster-api-provider-altcos/internal/libvirt/transport"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

const (
	// machineAlias and architecture are what guests get: ALT Container OS is built for nothing else.
	machineAlias = "q35"
	architecture = "x86_64"
)

// Facts implements virt.Inventory.
func (h *host) Facts(ctx context.Context) (virt.Facts, error) {
	facts, err := h.facts(ctx)
	if err != nil {
		return virt.Facts{}, fmt.Errorf("read facts of host %q: %w", h.name, err)
	}
	return facts, nil
}

func (h *host) facts(ctx context.Context) (virt.Facts, error) {
	var facts virt.Facts
	var err error
	if facts.Hostname, err = transport.Call(ctx, h.Session, (*rpc.Libvirt).ConnectGetHostname); err != nil {
		return facts, err
	}
	library, err := transport.Call(ctx, h.Session, (*rpc.Libvirt).ConnectGetLibVersion)
	if err != nil {
		return facts, err
	}
	hypervisor, err := transport.Call(ctx, h.Session, (*rpc.Libvirt).ConnectGetVersion)
	if err != nil {
		return facts, err
	}
	facts.LibvirtVersion, facts.HypervisorVersion = formatVersion(library), formatVersion(hypervisor)
	if facts.CPUs, err = transport.Call(ctx, h.Session, func(c *rpc.Libvirt) (int, error) {
		_, _, cpus, _, _, _, _, _, err := c.NodeGetInfo()
		return int(cpus), err
	}); err != nil {
		return facts, err
	}
	if facts.MemoryBytes, err = h.memory(ctx); err != nil {
		return facts, err
	}
	if facts.Architecture, err = h.architecture(ctx); err != nil {
		return facts, err
	}
	_, err = h.platform(ctx, virt.AcceleratorKVM)
	switch {
	case err == nil:
		facts.KVM = true
	case errors.Is(err, virt.ErrUnreachable):
		return facts, err
	}
	return facts, nil
}

// memory is what the kernel manages. NodeGetInfo sums NUMA nodes and misses memory that was plugged in later.
func (h *host) memory(ctx context.Context) (int64, error) {
	// -1 stands for all NUMA nodes together.
	const allCells = -1
	stats, err := transport.Call(ctx, h.Session, func(c *rpc.Libvirt) ([]rpc.NodeGetMemoryStats, error) {
		_, count, err := c.NodeGetMemoryStats(0, allCells, 0)
		if err != nil {
			return nil, err
		}
		stats, _, err := c.NodeGetMemoryStats(count, allCells, 0)
		return stats, err
	})
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(stats, func(s rpc.NodeGetMemoryStats) bool { return s.Field == "total" })
	if i < 0 {
		return 0, fmt.Errorf("%w: memory statistics without a total", virt.ErrUnsupported)
	}
	return int64(stats[i].Value) * 1024, nil
}

func (h *host) architecture(ctx context.Context) (string, error) {
	text, err := transport.Call(ctx, h.Session, (*rpc.Libvirt).ConnectGetCapabilities)
	if err != nil {
		return "", err
	}
	var capabilities libvirtxml.Caps
	if err := capabilities.Unmarshal(text); err != nil {
		return "", fmt.Errorf("parse capabilities: %w", err)
	}
	if capabilities.Host.CPU == nil {
		return "", nil
	}
	return capabilities.Host.CPU.Arch, nil
}

// Pool implements virt.Inventory. When libvirt cannot refresh the pool, because a copy runs in it, what it knew before
// is returned: it keeps count of its own volumes.
func (h *host) Pool(ctx context.Context, name string) (virt.Pool, error) {
	pool, err := h.pool(ctx, name)
	if err != nil {
		return virt.Pool{}, fmt.Errorf("read pool %q of host %q: %w", name, h.name, err)
	}
	return pool, nil
}

func (h *host) pool(ctx context.Context, name string) (virt.Pool, error) {
	found, err := h.lookupPool(ctx, name)
	if err != nil {
		return virt.Pool{}, err
	}
	if err := h.refresh(ctx, found, impatient); errors.Is(err, virt.ErrUnreachable) {
		return virt.Pool{}, err
	}
	text, err := transport.Call(ctx, h.Session, func(c *rpc.Libvirt) (string, error) { return c.StoragePoolGetXMLDesc(found, 0) })
	if err != nil {
		return virt.Pool{}, err
	}
	var description libvirtxml.StoragePool
	if err := description.Unmarshal(text); err != nil {
		return virt.Pool{}, fmt.Errorf("parse pool: %w", err)
	}
	pool := virt.Pool{Name: name}
	if description.Target != nil {
		pool.Path = description.Target.Path
	}
	state, err := transport.Call(ctx, h.Session, func(c *rpc.Libvirt) (rpc.StoragePoolState, error) {
		state, capacity, _, available, err := c.StoragePoolGetInfo(found)
		pool.CapacityBytes, pool.AvailableBytes = int64(capacity), int64(available)
		return rpc.StoragePoolState(state), err
	})
	if err != nil {
		return virt.Pool{}, err
	}
	if state != rpc.StoragePoolRunning {
		return virt.Pool{}, fmt.Errorf("%w: pool is not active", virt.ErrInvalid)
	}
	return pool, nil
}

// HasInterface implements virt.Inventory with libvirt's interface driver, which not every build and not every set of
// modular daemons has.
func (h *host) HasInterface(ctx context.Context, name string) (bool, error) {
	active, err := transport.Call(ctx, h.Session, func(c *rpc.Libvirt) (bool, error) {
		found, err := c.InterfaceLookupByName(name)
		if err != nil {
			return false, err
		}
		active, err := c.InterfaceIsActive(found)
		return active == 1, err
	})
	switch {
	case errors.Is(err, virt.ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look for interface %q on host %q: %w", name, h.name, err)
	}
	return active, nil
}

// platform is what guests run on with one accelerator.
type platform struct {
	accelerator virt.Accelerator
	// machine is the machine type with its version, which the alias stands for at the moment.
	machine string
}

// platform asks for the accelerator, or for the best one. Errors: virt.ErrInvalid and others of libvirt when the host
// does not offer it.
func (h *host) platform(ctx context.Context, accelerator virt.Accelerator) (platform, error) {
	if accelerator == virt.AcceleratorAuto {
		found, err := h.platform(ctx, virt.AcceleratorKVM)
		if err == nil || errors.Is(err, virt.ErrUnreachable) {
			return found, err
		}
		return h.platform(ctx, virt.AcceleratorTCG)
	}
	if known, ok := h.Memo.Load(accelerator); ok { // a QEMU update restarts libvirtd, which ends the session
		return known.(platform), nil
	}
	kind := "kvm"
	if accelerator == virt.AcceleratorTCG {
		kind = "qemu"
	}
	text, err := transport.Call(ctx, h.Session, func(c *rpc.Libvirt) (string, error) {
		return c.ConnectGetDomainCapabilities(nil, rpc.OptString{architecture}, rpc.OptString{machineAlias}, rpc.OptString{kind}, 0)
	})
	if err != nil {
		return platform{}, fmt.Errorf("read capabilities of %s guests: %w", kind, err)
	}
	var capabilities libvirtxml.DomainCaps
	if err := capabilities.Unmarshal(text); err != nil {
		return platform{}, fmt.Errorf("parse capabilities of %s guests: %w", kind, err)
	}
	if capabilities.Domain != kind || capabilities.Machine == "" {
		return platform{}, fmt.Errorf("%w: host offers no %s guests", virt.ErrInvalid, kind)
	}
	found := platform{accelerator: accelerator, machine: capabilities.Machine}
	h.Memo.Store(accelerator, found)
	return found, nil
}

// formatVersion splits libvirt's decimal encoding of versions.
func formatVersion(v uint64) string {
	return strconv.FormatUint(v/1_000_000, 10) + "." + strconv.FormatUint(v/1000%1000, 10) + "." + strconv.FormatUint(v%1000, 10)
}
