// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"context"
	"errors"
	"fmt"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// findDomain asks the host for the machine's domain. When it is there, image, volumes and Ignition config have served
// their purpose. When it is gone although the machine ran once, the machine is lost: a new one in its place would be
// another machine under the same name.
func (r *Reconciler) findDomain(ctx context.Context, s *scope) error {
	if err := r.connect(ctx, s); err != nil {
		return err
	}
	domain, err := s.conn.Domain(ctx, s.uuid)
	switch {
	case errors.Is(err, virt.ErrNotFound) && s.wasProvisioned():
		s.lm.Status.Domain.State = ""
		return outcome.Blockedf(infrav1.LibvirtMachineDomainMissingReason, 0,
			"host %q has no domain with UUID %s any more; delete the Machine to replace it", s.lm.Spec.Host, s.uuid)
	case errors.Is(err, virt.ErrNotFound):
		return nil
	case err != nil:
		return hostError(s, err)
	case !s.owner().Owns(domain.Owner):
		return outcome.Blockedf(infrav1.LibvirtMachineForeignDomainReason, retrySlow,
			"domain %q on host %q has the machine's UUID but was made %s; remove the domain, or delete the Machine",
			domain.Name, s.lm.Spec.Host, makerOf(domain.Owner))
	}
	s.domain = &domain
	return nil
}

func makerOf(owner virt.Owner) string {
	if owner.UID == "" {
		return "by somebody else"
	}
	return fmt.Sprintf("for LibvirtMachine %q in namespace %q", owner.Name, owner.Namespace)
}

// checkBridges looks for bridges that the spec names before disks are made for a domain that could not start. The host's
// own bridge is the LibvirtHost's affair. One whose traffic is tagged may be Open vSwitch's, which works without being up.
func (r *Reconciler) checkBridges(ctx context.Context, s *scope) error {
	if s.domain != nil {
		return nil
	}
	return s.missingBridge(ctx)
}

func (s *scope) missingBridge(ctx context.Context) error {
	for i, n := range s.nics {
		if n.Bridge == "" || n.Bridge == inventory.Bridge(s.host) || n.VLAN != 0 {
			continue
		}
		switch up, err := s.conn.HasInterface(ctx, n.Bridge); {
		case errors.Is(err, virt.ErrUnsupported): // the start of the domain will tell
		case err != nil:
			return hostError(s, err)
		case !up:
			return outcome.Blockedf(infrav1.LibvirtMachineBridgeMissingReason, retrySlow,
				"host %q has no bridge %q that is up, which networkInterfaces[%d] names; create it there, or replace the machine",
				s.lm.Spec.Host, n.Bridge, i)
		}
	}
	return nil
}

// startError finds out whether a start failed for want of a bridge: libvirt tells it by text only, and that in the host's
// language.
func (s *scope) startError(ctx context.Context, err error) error {
	if missing, ok := outcome.AsBlocked(s.missingBridge(ctx)); ok && missing.Reason == infrav1.LibvirtMachineBridgeMissingReason {
		return missing
	}
	return hostError(s, err)
}

// ensureDomain defines and starts the domain, and starts it again when it stopped: the machine of a node shall run. One
// that is paused is left alone, since whoever paused it (a person, or the hypervisor on a full disk) knows better.
func (r *Reconciler) ensureDomain(ctx context.Context, s *scope) error {
	if s.domain == nil {
		domain, err := s.conn.DefineDomain(ctx, s.domainSpec())
		if err != nil {
			return hostError(s, err)
		}
		s.domain = &domain
	}
	switch s.domain.State {
	case virt.DomainRunning:
		return nil
	case virt.DomainShutOff, virt.DomainCrashed:
		if err := s.conn.StartDomain(ctx, s.uuid, s.owner()); err != nil {
			return s.startError(ctx, err)
		}
		s.domain.State = virt.DomainRunning
		return nil
	case virt.DomainPaused, virt.DomainOther:
	}
	return outcome.Blockedf(infrav1.LibvirtMachineDomainStoppedReason, 0,
		"domain %q on host %q is %s; resume it (virsh resume) when what paused it is mended, or delete the Machine",
		s.domain.Name, s.lm.Spec.Host, s.domain.State)
}

// removeBootstrapData removes the Ignition config from the host once it has done its work. The definition goes first: a
// domain whose definition names a file that is gone does not start.
func (r *Reconciler) removeBootstrapData(ctx context.Context, s *scope) error {
	if !s.hasNode() {
		return outcome.Waitf(infrav1.LibvirtMachineWaitingForNodeReason, 0, "the machine has not joined its cluster yet")
	}
	if s.domain.HasFirmwareConfig {
		if err := s.conn.ScrubDomain(ctx, s.uuid, s.owner()); err != nil {
			return hostError(s, err)
		}
	}
	if err := s.conn.DeleteVolume(ctx, s.volume(ignitionVolume(s.uuid))); err != nil {
		return hostError(s, err)
	}
	return nil
}

// domainSpec is the virtual machine that the spec asks for.
func (s *scope) domainSpec() virt.DomainSpec {
	spec := s.lm.Spec
	config := s.volume(ignitionVolume(s.uuid))
	d := virt.DomainSpec{
		UUID:           s.uuid,
		Name:           domainName(s.lm.Namespace, s.lm.Name, s.uuid),
		Title:          fmt.Sprintf("%s/%s of cluster %s", s.lm.Namespace, s.lm.Name, s.clusterName()),
		Owner:          s.owner(),
		VCPUs:          int(spec.VCPUs),
		MemoryBytes:    spec.Memory.Value(),
		CPUModel:       spec.CPUModel,
		Firmware:       firmware(spec.Firmware),
		TPM:            spec.TPM == infrav1.TPMV2,
		Disks:          []virt.Disk{{Volume: s.volume(rootVolume(s.uuid)), Serial: rootSerial}},
		FirmwareConfig: &config,
	}
	for _, disk := range spec.DataDisks {
		d.Disks = append(d.Disks, virt.Disk{Volume: s.volume(dataVolume(s.uuid, disk.Name)), Serial: disk.Name})
	}
	for _, n := range s.nics {
		d.Interfaces = append(d.Interfaces, n.Hypervisor(inventory.Bridge(s.host)))
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
