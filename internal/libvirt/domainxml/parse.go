// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package domainxml

import (
	"fmt"
	"slices"

	"libvirt.org/go/libvirtxml"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// Parse reads a domain's XML as libvirt prints it.
func Parse(text string) (*libvirtxml.Domain, error) {
	domain := &libvirtxml.Domain{}
	if err := domain.Unmarshal(text); err != nil {
		return nil, fmt.Errorf("parse domain XML: %w", err)
	}
	return domain, nil
}

// Owner reads whose the domain is; it is zero for a domain that is not ours. That includes a copy that somebody made of
// a domain of ours: it has our metadata, but not the UUID that stands there.
func Owner(domain *libvirtxml.Domain) virt.Owner {
	if domain.Metadata == nil {
		return virt.Owner{}
	}
	owner := parseOwner(domain.Metadata.XML)
	if owner.UID != domain.UUID {
		return virt.Owner{}
	}
	return owner
}

// Observe reads all that virt.Domain tells, except the state.
func Observe(domain *libvirtxml.Domain) virt.Domain {
	observed := virt.Domain{
		UUID:              domain.UUID,
		Name:              domain.Name,
		Owner:             Owner(domain),
		HasFirmwareConfig: len(firmwareConfigPaths(domain)) > 0,
		DiskPaths:         diskPaths(domain),
		ConsoleLog:        consoleLog(domain),
	}
	if domain.VCPU != nil {
		observed.VCPUs = int(domain.VCPU.Value)
	}
	if domain.Memory != nil {
		observed.MemoryBytes = int64(domain.Memory.Value) * unitBytes(domain.Memory.Unit)
	}
	return observed
}

// StripFirmwareConfig removes our fw_cfg entry and reports whether there was one.
func StripFirmwareConfig(domain *libvirtxml.Domain) bool {
	found := false
	for i := range domain.SysInfo {
		config := domain.SysInfo[i].FWCfg
		if config == nil {
			continue
		}
		before := len(config.Entry)
		config.Entry = slices.DeleteFunc(config.Entry, func(e libvirtxml.DomainSysInfoEntry) bool {
			return e.Name == FirmwareConfigName
		})
		found = found || len(config.Entry) != before
	}
	domain.SysInfo = slices.DeleteFunc(domain.SysInfo, func(s libvirtxml.DomainSysInfo) bool {
		return s.FWCfg != nil && len(s.FWCfg.Entry) == 0
	})
	return found
}

// Uses reports whether the domain needs a volume: as a disk, below a disk, or as firmware configuration.
func Uses(domain *libvirtxml.Domain, volume virt.Volume) bool {
	if slices.Contains(firmwareConfigPaths(domain), volume.Path) {
		return true
	}
	return UsesDisk(domain, volume)
}

// UsesDisk reports whether the volume is a disk of the domain or below one. Of a running domain only this counts: QEMU
// has read the firmware configuration when it started.
func UsesDisk(domain *libvirtxml.Domain, volume virt.Volume) bool {
	if domain.Devices == nil {
		return false
	}
	for _, disk := range domain.Devices.Disks {
		if sourceIs(disk.Source, volume) {
			return true
		}
		for below := disk.BackingStore; below != nil; below = below.BackingStore {
			if sourceIs(below.Source, volume) {
				return true
			}
		}
	}
	return false
}

func sourceIs(source *libvirtxml.DomainDiskSource, volume virt.Volume) bool {
	switch {
	case source == nil:
		return false
	case source.Volume != nil:
		return source.Volume.Pool == volume.Pool && source.Volume.Volume == volume.Name
	}
	return sourcePath(source) == volume.Path && volume.Path != ""
}

func diskPaths(domain *libvirtxml.Domain) []string {
	if domain.Devices == nil {
		return nil
	}
	var paths []string
	for _, disk := range domain.Devices.Disks {
		if path := sourcePath(disk.Source); path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

func consoleLog(domain *libvirtxml.Domain) string {
	if domain.Devices == nil {
		return ""
	}
	for _, serial := range domain.Devices.Serials {
		if serial.Log != nil {
			return serial.Log.File
		}
	}
	return ""
}

func sourcePath(source *libvirtxml.DomainDiskSource) string {
	switch {
	case source == nil:
		return ""
	case source.File != nil:
		return source.File.File
	case source.Block != nil:
		return source.Block.Dev
	}
	return ""
}

func firmwareConfigPaths(domain *libvirtxml.Domain) []string {
	var paths []string
	for _, info := range domain.SysInfo {
		if info.FWCfg == nil {
			continue
		}
		for _, entry := range info.FWCfg.Entry {
			if entry.Name == FirmwareConfigName {
				paths = append(paths, entry.File)
			}
		}
	}
	return paths
}

// unitBytes is the factor of libvirt's memory units; libvirt itself prints KiB only, which is also the default.
func unitBytes(unit string) int64 {
	switch unit {
	case "b", "bytes":
		return 1
	case "M", "MiB":
		return 1 << 20
	case "G", "GiB":
		return 1 << 30
	}
	return 1 << 10
}
