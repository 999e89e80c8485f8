// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package domainxml

import (
	"fmt"
	"net"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

const (
	// maxDisks is what sda to sdz can name.
	maxDisks = 26
	// minMemoryBytes is below what any guest boots with; it catches a value given in the wrong unit.
	minMemoryBytes = 1 << 20
	// maxVLAN is the highest VLAN identifier (IEEE 802.1Q reserves 4095).
	maxVLAN = 4094
)

// serialPattern keeps to what udev leaves as it is in /dev/disk/by-id, with QEMU's limit for SCSI serials that old
// guests see.
var serialPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,20}$`)

// check refuses what libvirt would refuse with a worse message, or would accept and should not.
func check(spec virt.DomainSpec, resolved Resolved) error {
	if id, err := uuid.Parse(spec.UUID); err != nil || id.String() != spec.UUID {
		return invalid(spec, "uuid %q is not in canonical form", spec.UUID)
	}
	if spec.Owner.UID != spec.UUID {
		return invalid(spec, "uid %q of the owner is not the domain's uuid", spec.Owner.UID)
	}
	if spec.Name == "" || strings.ContainsAny(spec.Name, "/\n") {
		return invalid(spec, "name is empty or contains a slash")
	}
	if strings.Contains(spec.Title, "\n") {
		return invalid(spec, "title contains a line break")
	}
	if spec.VCPUs < 1 {
		return invalid(spec, "vcpus are %d", spec.VCPUs)
	}
	if spec.MemoryBytes < minMemoryBytes {
		return invalid(spec, "memory is %d bytes", spec.MemoryBytes)
	}
	if resolved.Machine == "" {
		return invalid(spec, "machine type is unknown")
	}
	switch spec.Firmware {
	case virt.FirmwareBIOS, virt.FirmwareUEFI, virt.FirmwareUEFISecureBoot:
	default:
		return invalid(spec, "firmware %q is unknown", spec.Firmware)
	}
	if err := checkDisks(spec, resolved); err != nil {
		return err
	}
	return checkInterfaces(spec)
}

func checkDisks(spec virt.DomainSpec, resolved Resolved) error {
	if len(spec.Disks) > maxDisks {
		return invalid(spec, "%d disks are more than %d", len(spec.Disks), maxDisks)
	}
	if len(resolved.Disks) != len(spec.Disks) {
		return invalid(spec, "%d of %d disks are resolved", len(resolved.Disks), len(spec.Disks))
	}
	if (spec.FirmwareConfig != nil) != (resolved.FirmwareConfigPath != "") {
		return invalid(spec, "firmware configuration is not resolved")
	}
	serials := map[string]bool{}
	for i, disk := range spec.Disks {
		if disk.Serial == "" {
			continue
		}
		if !serialPattern.MatchString(disk.Serial) {
			return invalid(spec, "serial %q of disk %d is not 1 to 20 letters, digits, dots, dashes or underscores", disk.Serial, i)
		}
		if serials[disk.Serial] {
			return invalid(spec, "serial %q is used twice", disk.Serial)
		}
		serials[disk.Serial] = true
	}
	return nil
}

func checkInterfaces(spec virt.DomainSpec) error {
	for i, card := range spec.Interfaces {
		if card.Bridge == "" {
			return invalid(spec, "interface %d has no bridge", i)
		}
		hardware, err := net.ParseMAC(card.MAC)
		if err != nil || len(hardware) != 6 || hardware[0]&1 == 1 {
			return invalid(spec, "mac %q of interface %d is not a unicast ethernet address", card.MAC, i)
		}
		if card.VLAN < 0 || card.VLAN > maxVLAN {
			return invalid(spec, "vlan %d of interface %d is out of range", card.VLAN, i)
		}
		if card.MTU < 0 {
			return invalid(spec, "mtu %d of interface %d is negative", card.MTU, i)
		}
	}
	return nil
}

func invalid(spec virt.DomainSpec, format string, args ...any) error {
	return fmt.Errorf("build domain %q: %w: "+format, append([]any{spec.Name, virt.ErrInvalid}, args...)...)
}
