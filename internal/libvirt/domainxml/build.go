// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package domainxml

import (
	"fmt"

	"libvirt.org/go/libvirtxml"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// FirmwareConfigName is the fw_cfg entry in which Ignition looks for its configuration on QEMU.
const FirmwareConfigName = "opt/com.coreos/config"

// ConsoleLogPath is the file on the host to which the guest's serial console is appended. The folder must be there:
// libvirtd 9.0 without virtlogd was seen not to make it and not to start the guest. libvirt does not remove the file with
// the domain; hostprep.RemoveLogs does.
func ConsoleLogPath(domainName string) string {
	return "/var/log/libvirt/qemu/" + domainName + "-console.log"
}

// Resolved is what only the host can tell about a domain to be built.
type Resolved struct {
	// Accelerator is KVM or TCG; Auto must have been decided.
	Accelerator virt.Accelerator
	// Machine is a machine type with its version, such as pc-q35-7.2: an alias would change the guest's hardware with
	// the next QEMU.
	Machine string
	// Disks has the file and format of each disk of the specification, in its order.
	Disks []DiskFile
	// FirmwareConfigPath is the file of the firmware configuration, empty exactly when none is wanted.
	FirmwareConfigPath string
	// OpenVSwitch names the bridges that are Open vSwitch's; their ports need another XML.
	OpenVSwitch map[string]bool
}

// DiskFile is the file behind a disk.
type DiskFile struct {
	Path   string
	Format virt.VolumeFormat
}

// Build describes the domain. Errors: virt.ErrInvalid.
func Build(spec virt.DomainSpec, resolved Resolved) (*libvirtxml.Domain, error) {
	if err := check(spec, resolved); err != nil {
		return nil, err
	}
	owner, err := marshalOwner(spec.Owner)
	if err != nil {
		return nil, err
	}
	domain := &libvirtxml.Domain{
		Type:       "kvm",
		Name:       spec.Name,
		UUID:       spec.UUID,
		Title:      spec.Title,
		Metadata:   &libvirtxml.DomainMetadata{XML: owner},
		Memory:     &libvirtxml.DomainMemory{Value: uint(spec.MemoryBytes / 1024), Unit: "KiB"},
		VCPU:       &libvirtxml.DomainVCPU{Placement: "static", Value: uint(spec.VCPUs)},
		IOThreads:  1,
		OS:         buildOS(spec.Firmware, resolved.Machine),
		Features:   buildFeatures(spec.Firmware),
		CPU:        buildCPU(spec.CPUModel, resolved.Accelerator),
		Clock:      buildClock(),
		OnPoweroff: "destroy",
		OnReboot:   "restart",
		OnCrash:    "restart",
		Devices:    buildDevices(spec, resolved),
	}
	if resolved.Accelerator == virt.AcceleratorTCG {
		domain.Type = "qemu"
	}
	if resolved.FirmwareConfigPath != "" {
		domain.SysInfo = []libvirtxml.DomainSysInfo{{FWCfg: &libvirtxml.DomainSysInfoFWCfg{
			Entry: []libvirtxml.DomainSysInfoEntry{{Name: FirmwareConfigName, File: resolved.FirmwareConfigPath}},
		}}}
	}
	return domain, nil
}

// Marshal writes the XML of a domain.
func Marshal(domain *libvirtxml.Domain) (string, error) {
	text, err := domain.Marshal()
	if err != nil {
		return "", fmt.Errorf("marshal domain %q: %w", domain.Name, err)
	}
	return text, nil
}

// buildOS leaves loader and NVRAM to libvirt, which picks them by the features asked for.
func buildOS(firmware virt.Firmware, machine string) *libvirtxml.DomainOS {
	os := &libvirtxml.DomainOS{Type: &libvirtxml.DomainOSType{Arch: "x86_64", Machine: machine, Type: "hvm"}}
	if firmware == virt.FirmwareBIOS {
		return os
	}
	secure := "no"
	if firmware == virt.FirmwareUEFISecureBoot {
		secure = "yes"
		os.Loader = &libvirtxml.DomainLoader{Secure: "yes"}
	}
	os.Firmware = "efi"
	os.FirmwareInfo = &libvirtxml.DomainOSFirmwareInfo{Features: []libvirtxml.DomainOSFirmwareFeature{
		{Enabled: secure, Name: "secure-boot"}, {Enabled: secure, Name: "enrolled-keys"},
	}}
	return os
}

func buildFeatures(firmware virt.Firmware) *libvirtxml.DomainFeatureList {
	features := &libvirtxml.DomainFeatureList{
		ACPI:   &libvirtxml.DomainFeature{},
		APIC:   &libvirtxml.DomainFeatureAPIC{},
		VMPort: &libvirtxml.DomainFeatureState{State: "off"},
	}
	if firmware == virt.FirmwareUEFISecureBoot {
		// Without SMM the guest could write the variables that secure boot trusts.
		features.SMM = &libvirtxml.DomainFeatureSMM{State: "on"}
	}
	return features
}

// buildCPU passes the host's CPU through unless told otherwise: nothing here migrates guests, and a Kubernetes node
// profits from every instruction. TCG has no host CPU to pass.
func buildCPU(model string, accelerator virt.Accelerator) *libvirtxml.DomainCPU {
	if model == "" {
		model = "host-passthrough"
		if accelerator == virt.AcceleratorTCG {
			model = "maximum"
		}
	}
	switch model {
	case "host-passthrough", "maximum":
		return &libvirtxml.DomainCPU{Mode: model, Migratable: "on"}
	case "host-model":
		return &libvirtxml.DomainCPU{Mode: model}
	}
	return &libvirtxml.DomainCPU{Mode: "custom", Match: "exact", Model: &libvirtxml.DomainCPUModel{Fallback: "forbid", Value: model}}
}

func buildClock() *libvirtxml.DomainClock {
	return &libvirtxml.DomainClock{Offset: "utc", Timer: []libvirtxml.DomainTimer{
		{Name: "rtc", TickPolicy: "catchup"}, {Name: "pit", TickPolicy: "delay"}, {Name: "hpet", Present: "no"},
	}}
}
