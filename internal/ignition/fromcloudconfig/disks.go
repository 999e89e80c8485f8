// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudconfig

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_2/types"
	vpath "github.com/coreos/vcontext/path"

	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
)

// gptType matches the GUID of a partition type; zeros alone mean that there is no partition.
var gptType = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// partitionType maps cloud-init's codes, which are those of MBR, to GPT types. GUIDs are GPT types already.
func partitionType(code string) (guid string, known bool) {
	if gptType.MatchString(code) && strings.Trim(code, "0-") != "" {
		return strings.ToUpper(code), true
	}
	switch strings.ToLower(code) {
	case "83": // Linux
		return "0FC63DAF-8483-4772-8E79-3D69D8477DE4", true
	case "82": // swap
		return "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F", true
	case "fd": // RAID
		return "A19D880F-05FC-4D3B-A006-743F0F84911E", true
	case "8e": // LVM
		return "E6D6D379-F507-44C2-A23C-238F2A3DF928", true
	case "0c", "07": // FAT, NTFS
		return "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", true
	}
	return "", false
}

var devicePath = regexp.MustCompile(`^/dev/[A-Za-z0-9._:/+@-]+$`)

func isDevice(s string) bool { return devicePath.MatchString(s) && path.Clean(s) == s }

func (c *converter) disks() {
	for i, d := range c.cfg.Disks {
		field := fmt.Sprintf("disk_setup[%d]", i)
		if !isDevice(d.Device) {
			c.problems.Addf(field, "must be a path below /dev; Ignition does not know the aliases of cloud-init")
			continue
		}
		if d.WholeDisk != nil && !*d.WholeDisk || d.WholeDisk == nil && len(d.Partitions) == 0 {
			continue // cloud-init leaves such a disk alone
		}
		if d.TableType != "gpt" {
			c.problems.Addf(field+".table_type", "must be gpt, which is all that Ignition writes; cloud-init would default to mbr")
			continue
		}
		part, ok := c.onlyPartition(field, d)
		if !ok {
			continue
		}
		disk := types.Disk{Device: d.Device, Partitions: []types.Partition{part}}
		if d.Overwrite != nil && *d.Overwrite {
			disk.WipeTable = new(true)
		}
		c.b.Config.Storage.Disks = append(c.b.Config.Storage.Disks, disk)
	}
}

// onlyPartition is the partition over the whole disk; ok is false when the disk is to have others.
func (c *converter) onlyPartition(field string, d cloudconfig.Disk) (part types.Partition, ok bool) {
	part.Number = 1
	if d.WholeDisk != nil {
		return part, true
	}
	if len(d.Partitions) != 1 || d.Partitions[0].Percent != 100 {
		c.problems.Addf(field+".layout", "must be one partition of 100 percent, since Ignition does not know the size of the disk")
		return part, false
	}
	code := d.Partitions[0].Type
	if code == "" {
		return part, true
	}
	guid, known := partitionType(code)
	if !known {
		c.problems.Addf(field+".layout", "has a partition type without counterpart in gpt; supported are 83, 82, fd, 8e, 0c, 07 and GUIDs")
	}
	part.TypeGUID = &guid
	return part, known
}

func (c *converter) filesystems() {
	seen := map[string]bool{}
	for i, f := range c.cfg.Filesystems {
		field := fmt.Sprintf("fs_setup[%d]", i)
		if !isDevice(f.Device) {
			c.problems.Addf(field+".device", "must be a path below /dev; Ignition does not know the aliases of cloud-init")
			continue
		}
		fs := types.Filesystem{Device: c.partition(field, f), Format: new(f.Format), Label: ignition.Optional(f.Label)}
		if seen[fs.Device] {
			c.problems.Addf(field+".device", "has two file systems")
			continue
		}
		seen[fs.Device] = true
		if f.Overwrite != nil && *f.Overwrite {
			fs.WipeFilesystem = new(true)
		}
		for _, o := range f.Options {
			fs.Options = append(fs.Options, types.FilesystemOption(o))
		}
		c.checkFilesystem(field, f, fs)
		c.b.Config.Storage.Filesystems = append(c.b.Config.Storage.Filesystems, fs)
	}
}

func (c *converter) checkFilesystem(field string, f cloudconfig.Filesystem, fs types.Filesystem) {
	if !slices.Contains([]string{"ext4", "btrfs", "xfs", "vfat", "swap"}, f.Format) {
		c.problems.Addf(field+".filesystem", "must be ext4, btrfs, xfs, vfat or swap, which is all that Ignition makes")
	}
	if f.ReplaceFS != "" {
		c.problems.Addf(field+".replace_fs", "is not supported: Ignition does not look at what is on the disk; use overwrite")
	}
	for _, e := range fs.Validate(vpath.ContextPath{}).Entries {
		if strings.HasSuffix(e.Context.String(), ".label") { // each file system has its own limit
			c.problems.Addf(field+".label", "%s", e.Message)
		}
	}
}

// partition finds the device that the file system goes to. auto and any (cloud-init's default)
// search the disk: here they mean the one partition that disk_setup makes on it, or the device itself.
func (c *converter) partition(field string, f cloudconfig.Filesystem) string {
	made := slices.ContainsFunc(c.b.Config.Storage.Disks, func(d types.Disk) bool { return d.Device == f.Device })
	switch f.Partition {
	case "none":
		if made {
			c.problems.Addf(field+".partition", "must be auto or 1, since disk_setup makes a partition on the device")
		}
		return f.Device
	case "", "auto", "any":
		if made {
			return altcos.PartitionPath(f.Device, 1)
		}
		return f.Device
	}
	n, err := strconv.Atoi(f.Partition)
	if err != nil || n < 1 || n > 128 {
		c.problems.Addf(field+".partition", "must be auto, any, none or a number")
		return f.Device
	}
	return altcos.PartitionPath(f.Device, n)
}
