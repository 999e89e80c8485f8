// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"context"
	"errors"
	"fmt"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// Find looks up the machine's domain on its host. Once it exists, image, volumes and Ignition config are no longer needed
// to create it. If it has disappeared after the machine ran, the machine is lost: a new domain would be another machine
// under the same name.
func (m *Machine) Find(ctx context.Context, ranOnce bool) error {
	if err := m.connect(ctx); err != nil {
		return err
	}
	domain, err := m.conn.Domain(ctx, m.UUID)
	switch {
	case errors.Is(err, virt.ErrNotFound) && ranOnce:
		m.Object.Status.Domain.State = ""
		return outcome.Blockedf(infrav1.LibvirtMachineDomainMissingReason, 0,
			"the domain with UUID %s no longer exists on host %q; delete the Machine to replace it", m.UUID, m.Object.Spec.Host)
	case errors.Is(err, virt.ErrNotFound):
		return nil
	case err != nil:
		return m.hostError(err)
	case !m.owner().Owns(domain.Owner):
		return outcome.Blockedf(infrav1.LibvirtMachineDomainNotOwnedReason, retrySlow,
			"domain %q on host %q has the machine's UUID but was created %s; remove the domain, or delete the Machine",
			domain.Name, m.Object.Spec.Host, creatorOf(domain.Owner))
	}
	m.Domain = &domain
	return nil
}

func creatorOf(owner virt.Owner) string {
	if owner.UID == "" {
		return "outside of this provider"
	}
	return fmt.Sprintf("for LibvirtMachine %q in namespace %q", owner.Name, owner.Namespace)
}

// CheckBridges checks that the bridges in the spec exist, before disks are created for a domain that could not start. The
// host's default bridge is checked for the LibvirtHost. A bridge with a VLAN may be Open vSwitch's, which need not be up.
func (m *Machine) CheckBridges(ctx context.Context) error {
	if m.Domain != nil {
		return nil
	}
	return m.missingBridge(ctx)
}

func (m *Machine) missingBridge(ctx context.Context) error {
	for i, nic := range m.Interfaces {
		if nic.Bridge == "" || nic.Bridge == inventory.Bridge(m.Host) || nic.VLAN != 0 {
			continue
		}
		switch up, err := m.conn.HasInterface(ctx, nic.Bridge); {
		case errors.Is(err, virt.ErrUnsupported): // starting the domain will report it
		case err != nil:
			return m.hostError(err)
		case !up:
			return outcome.Blockedf(infrav1.LibvirtMachineBridgeMissingReason, retrySlow,
				"bridge %q of spec.networkInterfaces[%d] does not exist on host %q or is down; create it there, or delete the Machine to replace it",
				nic.Bridge, i, m.Object.Spec.Host)
		}
	}
	return nil
}

// startError checks whether a start failed for lack of a bridge: libvirt reports that only as text, in the host's language.
func (m *Machine) startError(ctx context.Context, err error) error {
	if missing, ok := outcome.AsBlocked(m.missingBridge(ctx)); ok && missing.Reason == infrav1.LibvirtMachineBridgeMissingReason {
		return missing
	}
	return m.hostError(err)
}

// EnsureDomain defines and starts the domain, and restarts it when it has stopped: a node's machine should always run. A
// paused domain is left alone, since whoever paused it (a person, or the hypervisor on a full disk) had a reason.
func (m *Machine) EnsureDomain(ctx context.Context) error {
	if m.Domain == nil {
		domain, err := m.conn.DefineDomain(ctx, m.domainSpec())
		if err != nil {
			return m.hostError(err)
		}
		m.Domain = &domain
	}
	switch m.Domain.State {
	case virt.DomainRunning:
		return nil
	case virt.DomainShutOff, virt.DomainCrashed:
		if err := m.conn.StartDomain(ctx, m.UUID, m.owner()); err != nil {
			return m.startError(ctx, err)
		}
		m.Domain.State = virt.DomainRunning
		return nil
	case virt.DomainPaused, virt.DomainOther:
	}
	return outcome.Blockedf(infrav1.LibvirtMachineDomainStoppedReason, 0,
		"domain %q on host %q is %s; fix what paused it and resume it (virsh resume), or delete the Machine",
		m.Domain.Name, m.Object.Spec.Host, m.Domain.State)
}

// RemoveBootstrapData removes the Ignition config, which is not needed after the first boot. The reference in the domain's
// definition goes first: a domain that refers to a missing file does not start.
func (m *Machine) RemoveBootstrapData(ctx context.Context) error {
	if m.Domain.HasFirmwareConfig {
		if err := m.conn.RemoveFirmwareConfig(ctx, m.UUID, m.owner()); err != nil {
			return m.hostError(err)
		}
	}
	if err := m.conn.DeleteVolume(ctx, m.volume(ignitionVolume(m.UUID))); err != nil {
		return m.hostError(err)
	}
	return nil
}

// domainSpec returns the domain that the LibvirtMachine's spec describes.
func (m *Machine) domainSpec() virt.DomainSpec {
	spec := m.Object.Spec
	config := m.volume(ignitionVolume(m.UUID))
	d := virt.DomainSpec{
		UUID:           m.UUID,
		Name:           domainName(m.Object.Namespace, m.Object.Name, m.UUID),
		Title:          fmt.Sprintf("%s/%s of cluster %s", m.Object.Namespace, m.Object.Name, m.ClusterName),
		Owner:          m.owner(),
		VCPUs:          int(spec.VCPUs),
		MemoryBytes:    spec.Memory.Value(),
		CPUModel:       spec.CPUModel,
		Firmware:       firmware(spec.Firmware),
		TPM:            spec.TPM == infrav1.TPMV2,
		Disks:          []virt.Disk{{Volume: m.volume(rootVolume(m.UUID)), Serial: rootSerial}},
		FirmwareConfig: &config,
	}
	for _, disk := range spec.DataDisks {
		d.Disks = append(d.Disks, virt.Disk{Volume: m.volume(dataVolume(m.UUID, disk.Name)), Serial: disk.Name})
	}
	for _, nic := range m.Interfaces {
		d.Interfaces = append(d.Interfaces, nic.Hypervisor(inventory.Bridge(m.Host)))
	}
	return d
}

func firmware(f infrav1.Firmware) virt.Firmware {
	switch f {
	case infrav1.FirmwareUEFI:
		return virt.FirmwareUEFI
	case infrav1.FirmwareUEFISecureBoot:
		return virt.FirmwareUEFISecureBoot
	case infrav1.FirmwareBIOS:
	}
	return virt.FirmwareBIOS
}
