// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package virt

import "context"

// Domains are the virtual machines of a host.
type Domains interface {
	// Domain returns the domain with the UUID. Errors: ErrNotFound.
	Domain(ctx context.Context, uuid string) (Domain, error)
	// ListDomains returns all domains, also those of other owners (Owner is then zero).
	ListDomains(ctx context.Context) ([]Domain, error)
	// DefineDomain makes the domain known to the host without starting it. A domain that is already there with the same
	// UUID and owner is returned as it is, whatever its definition: definitions are never changed behind a running
	// guest. Errors: ErrNotOwned (another object has the UUID or the name), ErrInvalid.
	DefineDomain(ctx context.Context, spec DomainSpec) (Domain, error)
	// StartDomain starts the domain; a running one is left alone. Errors: ErrNotFound, ErrNotOwned.
	StartDomain(ctx context.Context, uuid string, owner Owner) error
	// RemoveFirmwareConfig removes the firmware configuration from the stored definition, so that its volume may be deleted and
	// the domain still starts. The running guest is not touched. Errors: ErrNotFound, ErrNotOwned.
	RemoveFirmwareConfig(ctx context.Context, uuid string, owner Owner) error
	// RemoveDomain powers the domain off and undefines it with its NVRAM, TPM state and managed save image. An absent
	// domain is no error. Errors: ErrNotOwned.
	RemoveDomain(ctx context.Context, uuid string, owner Owner) error
}

// Owner proves who owns an object. It is stored in the domain's metadata.
type Owner struct {
	// UID is the identity that a machine keeps for life: the domain's UUID.
	UID string
	// Namespace and Name are those of the object that stands for the machine: a copy of it, restored or renamed, has the
	// same UID and is not the machine.
	Namespace, Name string
	// Cluster is for people who look at the host; it proves nothing.
	Cluster string
}

// Owns reports whether other was made for the same machine.
func (o Owner) Owns(other Owner) bool {
	return o.UID != "" && o.UID == other.UID && o.Namespace == other.Namespace && o.Name == other.Name
}

// DomainState is the state of a domain.
type DomainState string

// Domain states.
const (
	DomainRunning DomainState = "Running"
	DomainPaused  DomainState = "Paused"
	DomainShutOff DomainState = "ShutOff"
	DomainCrashed DomainState = "Crashed"
	DomainOther   DomainState = "Other"
)

// Domain is a virtual machine as observed.
type Domain struct {
	UUID  string
	Name  string
	Owner Owner
	State DomainState
	// VCPUs and MemoryBytes are what the domain may use at most.
	VCPUs       int
	MemoryBytes int64
	// HasFirmwareConfig means that the stored definition names a firmware configuration.
	HasFirmwareConfig bool
	// DiskPaths are the files of its disks, in order.
	DiskPaths []string
	// ConsoleLog is the file on the host that the serial console is written to, empty for none.
	ConsoleLog string
}

// DomainSpec is a virtual machine as wanted.
type DomainSpec struct {
	UUID  string
	Name  string
	Title string
	Owner Owner

	VCPUs       int
	MemoryBytes int64
	// CPUModel is "" (the host's choice), "host-passthrough", "host-model", "maximum" or a named model.
	CPUModel string
	Firmware Firmware
	TPM      bool

	Disks      []Disk
	Interfaces []Interface
	// FirmwareConfig is the volume with the Ignition configuration, given to the guest through fw_cfg as
	// opt/com.coreos/config.
	FirmwareConfig *VolumeRef
}

// Firmware is what starts the guest.
type Firmware string

// Firmwares. The zero value is BIOS.
const (
	FirmwareBIOS           Firmware = ""
	FirmwareUEFI           Firmware = "UEFI"
	FirmwareUEFISecureBoot Firmware = "UEFISecureBoot"
)

// Disk is a volume on the one virtio-scsi controller; the first disk is sda.
type Disk struct {
	Volume VolumeRef
	// Serial makes the disk findable in the guest below /dev/disk/by-id. At most 20 characters.
	Serial string
}

// Interface is a virtio network card on a bridge.
type Interface struct {
	MAC    string
	Bridge string
	// VLAN is a tag for an Open vSwitch or VLAN-aware bridge, 0 for none.
	VLAN int
	// MTU in bytes, 0 for the bridge's.
	MTU int
}
