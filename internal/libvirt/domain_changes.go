// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirt

import (
	"context"
	"errors"
	"fmt"

	rpc "github.com/digitalocean/go-libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/altcos/cluster-api-provider-altcos/internal/libvirt/domainxml"
	"github.com/altcos/cluster-api-provider-altcos/internal/libvirt/transport"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// DefineDomain implements virt.Domains.
func (h *host) DefineDomain(ctx context.Context, spec virt.DomainSpec) (virt.Domain, error) {
	domain, err := h.define(ctx, spec)
	if err != nil {
		return virt.Domain{}, fmt.Errorf("define domain %q on host %q: %w", spec.Name, h.name, err)
	}
	return domain, nil
}

func (h *host) define(ctx context.Context, spec virt.DomainSpec) (virt.Domain, error) {
	unlock, err := h.lock(ctx, h.domainKey(spec.UUID))
	if err != nil {
		return virt.Domain{}, err
	}
	defer unlock()
	existing, err := h.domain(ctx, spec.UUID)
	switch {
	case err == nil && spec.Owner.Owns(existing.Owner):
		return existing, nil
	case err == nil:
		return virt.Domain{}, fmt.Errorf("%w: uuid is taken by domain %q", virt.ErrNotOwned, existing.Name)
	case !errors.Is(err, virt.ErrNotFound):
		return virt.Domain{}, err
	}
	if err := h.checkNameFree(ctx, spec.Name); err != nil {
		return virt.Domain{}, err
	}
	built, err := h.build(ctx, spec)
	if err != nil {
		return virt.Domain{}, err
	}
	text, err := domainxml.Marshal(built)
	if err != nil {
		return virt.Domain{}, err
	}
	defined, err := transport.Call(ctx, h.Session, func(c *rpc.Libvirt) (rpc.Domain, error) {
		return c.DomainDefineXMLFlags(text, rpc.DomainDefineValidate)
	})
	if err != nil {
		return virt.Domain{}, err
	}
	return h.observe(ctx, defined)
}

// checkNameFree finds a name that is taken, for which libvirt has no error of its own.
func (h *host) checkNameFree(ctx context.Context, name string) error {
	other, err := transport.Call(ctx, h.Session, func(c *rpc.Libvirt) (rpc.Domain, error) { return c.DomainLookupByName(name) })
	switch {
	case err == nil:
		return fmt.Errorf("%w: name is taken by domain %s", virt.ErrNotOwned, formatUUID(other.UUID))
	case errors.Is(err, virt.ErrNotFound):
		return nil
	}
	return err
}

// build resolves what only the host can tell.
func (h *host) build(ctx context.Context, spec virt.DomainSpec) (*libvirtxml.Domain, error) {
	found, err := h.platform(ctx, h.accelerator)
	if err != nil {
		return nil, err
	}
	resolved := domainxml.Resolved{Accelerator: found.accelerator, Machine: found.machine}
	for _, disk := range spec.Disks {
		v, err := h.volume(ctx, disk.Volume)
		if err != nil {
			return nil, fmt.Errorf("disk %q: %w", disk.Volume.Name, err)
		}
		if err := h.checkComplete(ctx, disk.Volume); err != nil {
			return nil, fmt.Errorf("disk %q is not complete: %w", disk.Volume.Name, err)
		}
		resolved.Disks = append(resolved.Disks, domainxml.DiskFile{Path: v.Path, Format: v.Format})
	}
	if spec.FirmwareConfig != nil {
		v, err := h.volume(ctx, *spec.FirmwareConfig)
		if err != nil {
			return nil, fmt.Errorf("firmware configuration %q: %w", spec.FirmwareConfig.Name, err)
		}
		resolved.FirmwareConfigPath = v.Path
	}
	if resolved.OpenVSwitch, err = h.openVSwitch(ctx, spec.Interfaces); err != nil {
		return nil, err
	}
	return domainxml.Build(spec, resolved)
}

// openVSwitch finds the bridges whose ports need Open vSwitch's XML: those of interfaces with a VLAN that the kernel
// does not show as bridges. Without the interface driver every bridge counts as a Linux bridge.
func (h *host) openVSwitch(ctx context.Context, cards []virt.Interface) (map[string]bool, error) {
	found := map[string]bool{}
	for _, card := range cards {
		if card.VLAN == 0 {
			continue
		}
		text, err := transport.Call(ctx, h.Session, func(c *rpc.Libvirt) (string, error) {
			device, err := c.InterfaceLookupByName(card.Bridge)
			if err != nil {
				return "", err
			}
			return c.InterfaceGetXMLDesc(device, 0)
		})
		switch {
		case errors.Is(err, virt.ErrUnreachable):
			return nil, err
		case err != nil:
			continue
		}
		var device libvirtxml.Interface
		if err := device.Unmarshal(text); err != nil {
			return nil, fmt.Errorf("parse interface %q: %w", card.Bridge, err)
		}
		found[card.Bridge] = device.Bridge == nil
	}
	return found, nil
}

// StartDomain implements virt.Domains.
func (h *host) StartDomain(ctx context.Context, id string, owner virt.Owner) error {
	return h.change(ctx, "start", id, owner, func(found rpc.Domain, _ *libvirtxml.Domain) error {
		state, err := h.state(ctx, found)
		if err != nil || isActive(state) {
			return err
		}
		err = h.Do(ctx, h.Limits.SlowCall, func(c *rpc.Libvirt) error {
			_, err := c.DomainCreateWithFlags(found, 0)
			return err
		})
		if !errors.Is(err, virt.ErrBusy) {
			return err
		}
		// Another client may have started it just now, which libvirt calls an invalid operation.
		if state, stateErr := h.state(ctx, found); stateErr == nil && isActive(state) {
			return nil
		}
		return err
	})
}

// RemoveFirmwareConfig implements virt.Domains.
func (h *host) RemoveFirmwareConfig(ctx context.Context, id string, owner virt.Owner) error {
	return h.change(ctx, "remove firmware configuration of", id, owner, func(_ rpc.Domain, definition *libvirtxml.Domain) error {
		if !domainxml.StripFirmwareConfig(definition) {
			return nil
		}
		text, err := domainxml.Marshal(definition)
		if err != nil {
			return err
		}
		return h.Do(ctx, h.Limits.Call, func(c *rpc.Libvirt) error {
			_, err := c.DomainDefineXMLFlags(text, 0)
			return err
		})
	})
}
