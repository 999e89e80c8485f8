// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cloudconfig

// Config is one cloud-config, in document order and with encodings removed.
type Config struct {
	WriteFiles  []File
	BootCmd     []string
	RunCmd      []string
	NTP         *NTP
	Users       []User
	Disks       []Disk
	Filesystems []Filesystem
	Mounts      []Mount
}

// File is one entry of write_files.
type File struct {
	Path string
	// Content of the file: base64 and gzip are already undone.
	Content []byte
	// Owner is "user", "user:group" or empty.
	Owner string
	// Mode holds the permission bits; nil when they are not set.
	Mode *int
	// Append adds Content to what the file holds.
	Append bool
}

// NTP lists time servers.
type NTP struct {
	// Enabled is nil when it is not set (cloud-init then enables it).
	Enabled *bool
	Servers []string
}

// User is one entry of users.
type User struct {
	Name, PasswordHash, Gecos, HomeDir, Shell, PrimaryGroup, Sudo string
	// Groups are the supplementary groups, split at the commas.
	Groups            []string
	Inactive          *bool
	LockPassword      *bool
	SSHAuthorizedKeys []string
}

// Disk is one device of disk_setup.
type Disk struct {
	Device string
	// TableType is "gpt", "mbr" or empty (cloud-init then means mbr).
	TableType string
	// WholeDisk is layout: true (one partition over the disk) or false (no partition); nil when Partitions say it.
	WholeDisk  *bool
	Partitions []Partition
	Overwrite  *bool
}

// Partition is one entry of a disk's layout.
type Partition struct {
	// Percent of the disk.
	Percent int
	// Type is cloud-init's code such as "83"; empty for its default.
	Type string
}

// Filesystem is one entry of fs_setup.
type Filesystem struct {
	Label, Format, Device, Partition, ReplaceFS string
	Overwrite                                   *bool
	Options                                     []string
}

// Mount is one entry of mounts: source, mount point, type, options, frequency, pass; the last ones may be absent.
type Mount []string
