// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos

import (
	"regexp"
	"strings"

	"github.com/coreos/go-systemd/v22/unit"
	"github.com/coreos/ignition/v2/config/v3_2/types"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// ContainerStorage configures CRI-O, podman and docker alike.
type ContainerStorage struct {
	// Device is a disk that is wiped and given to container storage: a stable path, best DeviceBySerial of the disk's
	// serial. Empty keeps the storage on the root disk.
	Device string
	// Label names partition and file system of Device; empty means docker.
	Label string
	// Driver is Btrfs with a Device and Overlay without one when empty.
	Driver StorageDriver
	// AdditionalImageStores are read-only directories with further images, made by the same driver.
	AdditionalImageStores []string
}

func (s *ContainerStorage) isZero() bool {
	return s.Device == "" && s.Label == "" && s.Driver == "" && len(s.AdditionalImageStores) == 0
}

// DeviceBySerial is the path udev gives to a virtio-scsi disk that QEMU presents with this serial.
func DeviceBySerial(serial string) string {
	return "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_" + serial
}

// diskRoot is where the disk's own root is mounted. /mnt is a link to /var/mnt, and systemd refuses links in Where=.
const diskRoot = "/var/mnt/"

var (
	diskLabel  = regexp.MustCompile(`^[A-Za-z0-9_]{1,16}$`)
	devicePath = regexp.MustCompile(`^/dev/[A-Za-z0-9._:/+@-]+$`)
)

// containerStorage makes one btrfs on the disk and mounts it for CRI-O, podman and docker. Services need the mounts by
// drop-ins; nothing of the boot does, so a broken disk stops the node from joining but not a person from logging in.
func (p *Profile) containerStorage(b *ignition.Builder, problems *problem.List) {
	disk := p.ContainerStorage
	if disk.Device == "" {
		if disk.Label != "" {
			problems.Addf("containerStorage.label", "needs a device")
		}
		return
	}
	label := or(disk.Label, "docker")
	if !diskLabel.MatchString(label) {
		problems.Addf("containerStorage.label", "must be 1 to 16 letters, digits or _")
		return
	}
	if !devicePath.MatchString(disk.Device) || strings.Contains(disk.Device, "..") {
		problems.Addf("containerStorage.device", "must be a path below /dev")
		return
	}
	partition := PartitionPath(disk.Device, 1)
	b.Config.Storage.Disks = append(b.Config.Storage.Disks, types.Disk{
		Device: disk.Device, WipeTable: new(true), Partitions: []types.Partition{{Number: 1, Label: &label}},
	})
	b.Config.Storage.Filesystems = append(b.Config.Storage.Filesystems, types.Filesystem{
		Device: partition, Format: new("btrfs"), Label: &label, WipeFilesystem: new(true),
	})
	root := diskRoot + label
	b.Directory(root, 0o755)
	b.Unit(MountUnit(root), ignition.UnitText{}.
		Section("Unit", ignition.Set("Description", "Container storage disk")).
		Section("Mount", ignition.Set("What", partition), ignition.Set("Where", root), ignition.Set("Type", "btrfs"), ignition.Set("Options", "nofail")))
	for _, dir := range []string{"containers", "docker"} {
		where := "/var/lib/" + dir
		b.Unit(MountUnit(where), ignition.UnitText{}.
			Section("Unit", ignition.Set("Description", "Storage of "+dir+" on the container disk"), ignition.Set("RequiresMountsFor", root)).
			// systemd makes the source directory of a bind mount when it is missing
			Section("Mount", ignition.Set("What", root+"/"+dir), ignition.Set("Where", where), ignition.Set("Type", "none"), ignition.Set("Options", "bind,nofail")))
	}
	needs := func(paths string) ignition.UnitText {
		return ignition.UnitText{}.Section("Unit", ignition.Set("RequiresMountsFor", paths))
	}
	b.Dropin("crio.service", "50-altcos-storage.conf", needs("/var/lib/containers"))
	b.Dropin("docker.service", "50-altcos-storage.conf", needs("/var/lib/docker"))
}

// MountUnit is the name that systemd demands for the mount unit of path.
func MountUnit(path string) string { return unit.UnitNamePathEscape(path) + ".mount" }

// PartitionPath is the path of partition n of device: udev's links take -partN, names that end in a digit take pN.
func PartitionPath(device string, n int) string {
	number := itoa(n)
	switch last := device[len(device)-1]; {
	case strings.HasPrefix(device, "/dev/disk/"):
		return device + "-part" + number
	case last >= '0' && last <= '9':
		return device + "p" + number
	}
	return device + number
}
