// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package domainxml

import (
	"strings"

	"libvirt.org/go/libvirtxml"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

func buildDevices(spec virt.DomainSpec, resolved Resolved) *libvirtxml.DomainDeviceList {
	port := uint(0)
	index := uint(0)
	pty := &libvirtxml.DomainChardevSource{Pty: &libvirtxml.DomainChardevSourcePty{}}
	devices := &libvirtxml.DomainDeviceList{
		Disks: buildDisks(spec.Disks, resolved.Disks),
		Controllers: []libvirtxml.DomainController{
			{Type: "scsi", Index: &index, Model: "virtio-scsi", Driver: &libvirtxml.DomainControllerDriver{IOThread: 1}},
			{Type: "usb", Index: &index, Model: "none"},
		},
		Interfaces: buildInterfaces(spec.Interfaces, resolved.OpenVSwitch),
		Serials: []libvirtxml.DomainSerial{{
			Source: pty,
			Log:    &libvirtxml.DomainChardevLog{File: ConsoleLogPath(spec.Name), Append: "on"},
			Target: &libvirtxml.DomainSerialTarget{Port: &port},
		}},
		Consoles: []libvirtxml.DomainConsole{{
			Source: pty,
			Target: &libvirtxml.DomainConsoleTarget{Type: "serial", Port: &port},
		}},
		Channels: []libvirtxml.DomainChannel{{
			Source: &libvirtxml.DomainChardevSource{UNIX: &libvirtxml.DomainChardevSourceUNIX{}},
			Target: &libvirtxml.DomainChannelTarget{VirtIO: &libvirtxml.DomainChannelTargetVirtIO{Name: "org.qemu.guest_agent.0"}},
		}},
		MemBalloon: &libvirtxml.DomainMemBalloon{
			Model: "virtio", FreePageReporting: "on", Stats: &libvirtxml.DomainMemBalloonStats{Period: 10},
		},
		RNGs: []libvirtxml.DomainRNG{{
			Model:   "virtio",
			Backend: &libvirtxml.DomainRNGBackend{Random: &libvirtxml.DomainRNGBackendRandom{Device: "/dev/urandom"}},
		}},
		Watchdogs: []libvirtxml.DomainWatchdog{{Model: "i6300esb", Action: "reset"}},
		Panics:    []libvirtxml.DomainPanic{{Model: "isa"}},
		Videos:    []libvirtxml.DomainVideo{{Model: libvirtxml.DomainVideoModel{Type: "none"}}},
	}
	if spec.TPM {
		devices.TPMs = []libvirtxml.DomainTPM{{
			Model:   "tpm-crb",
			Backend: &libvirtxml.DomainTPMBackend{Emulator: &libvirtxml.DomainTPMBackendEmulator{Version: "2.0"}},
		}}
	}
	return devices
}

// buildDisks puts the disks on the one virtio-scsi controller, which makes them sda, sdb and so on.
//
// cache=writeback is what every file system can do. cache=none would spare the host's page cache, but needs O_DIRECT,
// which a host cannot be asked for over libvirt, and a domain on a file system without it does not start. The guest's
// flushes reach the disk with both.
func buildDisks(disks []virt.Disk, files []DiskFile) []libvirtxml.DomainDisk {
	var built []libvirtxml.DomainDisk
	for i, disk := range disks {
		unit := uint(i)
		zero := uint(0)
		d := libvirtxml.DomainDisk{
			Device: "disk",
			Driver: &libvirtxml.DomainDiskDriver{
				Name: "qemu", Type: string(files[i].Format), Cache: "writeback", Discard: "unmap", DetectZeros: "unmap",
			},
			Source: &libvirtxml.DomainDiskSource{File: &libvirtxml.DomainDiskSourceFile{File: files[i].Path}},
			Target: &libvirtxml.DomainDiskTarget{Dev: "sd" + string(rune('a'+i)), Bus: "scsi"},
			Serial: disk.Serial,
			Address: &libvirtxml.DomainAddress{Drive: &libvirtxml.DomainAddressDrive{
				Controller: &zero, Bus: &zero, Target: &zero, Unit: &unit,
			}},
		}
		if i == 0 {
			d.Boot = &libvirtxml.DomainDeviceBoot{Order: 1}
		}
		built = append(built, d)
	}
	return built
}

func buildInterfaces(cards []virt.Interface, openVSwitch map[string]bool) []libvirtxml.DomainInterface {
	var built []libvirtxml.DomainInterface
	for _, card := range cards {
		n := libvirtxml.DomainInterface{
			MAC:    &libvirtxml.DomainInterfaceMAC{Address: strings.ToLower(card.MAC)},
			Source: &libvirtxml.DomainInterfaceSource{Bridge: &libvirtxml.DomainInterfaceSourceBridge{Bridge: card.Bridge}},
			Model:  &libvirtxml.DomainInterfaceModel{Type: "virtio"},
		}
		if openVSwitch[card.Bridge] {
			n.VirtualPort = &libvirtxml.DomainInterfaceVirtualPort{Params: &libvirtxml.DomainInterfaceVirtualPortParams{
				OpenVSwitch: &libvirtxml.DomainInterfaceVirtualPortParamsOpenVSwitch{},
			}}
		}
		if card.VLAN != 0 {
			n.VLan = &libvirtxml.DomainInterfaceVLan{Tags: []libvirtxml.DomainInterfaceVLanTag{{ID: uint(card.VLAN)}}}
		}
		if card.MTU != 0 {
			n.MTU = &libvirtxml.DomainInterfaceMTU{Size: uint(card.MTU)}
		}
		built = append(built, n)
	}
	return built
}
