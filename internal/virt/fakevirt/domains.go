// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fakevirt

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// maxSerial is what QEMU takes of a SCSI serial.
const maxSerial = 20

// domain is the stored definition and what runs of it.
type domain struct {
	spec       virt.DomainSpec
	state      virt.DomainState
	diskPaths  []string
	configPath string
}

func (d *domain) observed() virt.Domain {
	return virt.Domain{
		UUID:              d.spec.UUID,
		Name:              d.spec.Name,
		Owner:             d.spec.Owner,
		State:             d.state,
		VCPUs:             d.spec.VCPUs,
		MemoryBytes:       d.spec.MemoryBytes,
		HasFirmwareConfig: d.spec.FirmwareConfig != nil,
		DiskPaths:         slices.Clone(d.diskPaths),
		ConsoleLog:        "/var/log/libvirt/qemu/" + d.spec.Name + "-console.log",
	}
}

func (d *domain) active() bool { return d.state == virt.DomainRunning || d.state == virt.DomainPaused }

// Domain implements virt.Domains.
func (h *Host) Domain(ctx context.Context, id string) (virt.Domain, error) {
	return call(ctx, h, MethodDomain, func() (virt.Domain, error) {
		d, ok := h.domains[id]
		if !ok {
			return virt.Domain{}, fmt.Errorf("find domain %q: %w", id, virt.ErrNotFound)
		}
		return d.observed(), nil
	})
}

// ListDomains implements virt.Domains. Domains come in order of their names.
func (h *Host) ListDomains(ctx context.Context) ([]virt.Domain, error) {
	return call(ctx, h, MethodListDomains, func() ([]virt.Domain, error) { return h.list(), nil })
}

func (h *Host) list() []virt.Domain {
	domains := make([]virt.Domain, 0, len(h.domains))
	for _, d := range h.domains {
		domains = append(domains, d.observed())
	}
	slices.SortFunc(domains, func(a, b virt.Domain) int { return strings.Compare(a.Name, b.Name) })
	return domains
}

// DefineDomain implements virt.Domains.
func (h *Host) DefineDomain(ctx context.Context, spec virt.DomainSpec) (virt.Domain, error) {
	created := false
	d, err := call(ctx, h, MethodDefineDomain, func() (virt.Domain, error) {
		d, isNew, err := h.define(spec)
		created = isNew
		if err != nil {
			return virt.Domain{}, fmt.Errorf("define domain %q: %w", spec.Name, err)
		}
		return d.observed(), nil
	})
	if created {
		h.cloud.emit(virt.Event{Host: h.name, UUID: spec.UUID})
	}
	return d, err
}

func (h *Host) define(spec virt.DomainSpec) (d *domain, created bool, err error) {
	if err := validateDomain(spec); err != nil {
		return nil, false, err
	}
	for id, other := range h.domains {
		switch {
		case id == spec.UUID && spec.Owner.Owns(other.spec.Owner):
			return other, false, nil
		case id == spec.UUID || other.spec.Name == spec.Name:
			return nil, false, virt.ErrNotOwned
		}
	}
	d = &domain{spec: spec, state: virt.DomainShutOff}
	d.spec.Disks = slices.Clone(spec.Disks)
	d.spec.Interfaces = slices.Clone(spec.Interfaces)
	for _, disk := range spec.Disks {
		v, ok := h.volumes[disk.Volume]
		if !ok {
			return nil, false, fmt.Errorf("find volume %q: %w", disk.Volume.Name, virt.ErrNotFound)
		}
		d.diskPaths = append(d.diskPaths, v.Path)
	}
	if spec.FirmwareConfig != nil {
		v, ok := h.volumes[*spec.FirmwareConfig]
		if !ok {
			return nil, false, fmt.Errorf("find volume %q: %w", spec.FirmwareConfig.Name, virt.ErrNotFound)
		}
		config := *spec.FirmwareConfig
		d.spec.FirmwareConfig, d.configPath = &config, v.Path
	}
	h.domains[spec.UUID] = d
	return d, true, nil
}

func validateDomain(spec virt.DomainSpec) error {
	invalid := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", virt.ErrInvalid, fmt.Sprintf(format, args...))
	}
	if _, err := uuid.Parse(spec.UUID); err != nil {
		return invalid("uuid %q", spec.UUID)
	}
	switch {
	case strings.TrimSpace(spec.Name) == "" || strings.ContainsAny(spec.Name, "/\n"):
		return invalid("name %q", spec.Name)
	case spec.Owner.UID == "":
		return invalid("no owner")
	case spec.VCPUs <= 0:
		return invalid("%d virtual CPUs", spec.VCPUs)
	case spec.MemoryBytes <= 0:
		return invalid("%d bytes of memory", spec.MemoryBytes)
	}
	serials := map[string]bool{}
	for _, disk := range spec.Disks {
		if len(disk.Serial) > maxSerial {
			return invalid("serial %q is longer than %d characters", disk.Serial, maxSerial)
		}
		if disk.Serial != "" && serials[disk.Serial] {
			return invalid("serial %q is used twice", disk.Serial)
		}
		serials[disk.Serial] = true
	}
	for _, nic := range spec.Interfaces {
		if nic.Bridge == "" {
			return invalid("interface %q without bridge", nic.MAC)
		}
	}
	return nil
}

// owned returns the domain if it belongs to owner.
func (h *Host) owned(id string, owner virt.Owner) (*domain, error) {
	d, ok := h.domains[id]
	if !ok {
		return nil, virt.ErrNotFound
	}
	if !owner.Owns(d.spec.Owner) {
		return nil, virt.ErrNotOwned
	}
	return d, nil
}

// StartDomain implements virt.Domains. It fails as libvirt does when a file or a bridge is missing.
func (h *Host) StartDomain(ctx context.Context, id string, owner virt.Owner) error {
	var boot *Boot
	_, err := call(ctx, h, MethodStartDomain, func() (struct{}, error) {
		d, err := h.owned(id, owner)
		if err == nil && !d.active() {
			boot, err = h.start(d)
		}
		if err != nil {
			return struct{}{}, fmt.Errorf("start domain %q: %w", id, err)
		}
		return struct{}{}, nil
	})
	if boot != nil {
		h.cloud.emit(virt.Event{Host: h.name, UUID: id})
		h.cloud.booted(*boot)
	}
	return err
}

func (h *Host) start(d *domain) (*Boot, error) {
	for _, path := range d.diskPaths {
		if err := h.checkDisk(d, path); err != nil {
			return nil, err
		}
	}
	for _, nic := range d.spec.Interfaces {
		if !h.interfaces[nic.Bridge] {
			return nil, fmt.Errorf("bridge %q is not there", nic.Bridge)
		}
	}
	boot := &Boot{Host: h, Spec: d.spec}
	if d.configPath != "" {
		v := h.volumeAt(d.configPath)
		if v == nil {
			return nil, fmt.Errorf("file %q of the firmware configuration is not there", d.configPath)
		}
		boot.FirmwareConfig = slices.Clone(v.content)
	}
	d.state = virt.DomainRunning
	return boot, nil
}

// checkDisk reports whether the domain could open the file: it and what backs it exist, and no other guest writes it.
func (h *Host) checkDisk(d *domain, path string) error {
	for p := path; p != ""; {
		v := h.volumeAt(p)
		if v == nil {
			return fmt.Errorf("file %q of disk %q is not there", p, path)
		}
		p = v.BackingPath
	}
	for _, other := range h.domains {
		if other != d && other.active() && slices.Contains(other.diskPaths, path) {
			return fmt.Errorf("disk %q is locked by domain %q", path, other.spec.Name)
		}
	}
	return nil
}

// RemoveFirmwareConfig implements virt.Domains.
func (h *Host) RemoveFirmwareConfig(ctx context.Context, id string, owner virt.Owner) error {
	_, err := call(ctx, h, MethodRemoveFirmwareConfig, func() (struct{}, error) {
		d, err := h.owned(id, owner)
		if err != nil {
			return struct{}{}, fmt.Errorf("remove firmware configuration of domain %q: %w", id, err)
		}
		d.spec.FirmwareConfig, d.configPath = nil, ""
		return struct{}{}, nil
	})
	return err
}

// RemoveDomain implements virt.Domains.
func (h *Host) RemoveDomain(ctx context.Context, id string, owner virt.Owner) error {
	removed := false
	_, err := call(ctx, h, MethodRemoveDomain, func() (struct{}, error) {
		d, ok := h.domains[id]
		if !ok {
			return struct{}{}, nil
		}
		if !owner.Owns(d.spec.Owner) {
			return struct{}{}, fmt.Errorf("remove domain %q: %w", id, virt.ErrNotOwned)
		}
		delete(h.domains, id)
		removed = true
		return struct{}{}, nil
	})
	if removed {
		h.cloud.emit(virt.Event{Host: h.name, UUID: id})
	}
	return err
}
