// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cabpk

import (
	"bytes"
	"errors"

	yaml "sigs.k8s.io/yaml/goyaml.v2"
)

// Plain is a cloud-config as another YAML library reads it into plain structs: the product's own parser is compared
// with it. Scalars keep their spelling.
type Plain struct {
	WriteFiles []PlainFile `yaml:"write_files"`
	BootCmd    []string    `yaml:"bootcmd"`
	RunCmd     []string    `yaml:"runcmd"`
	NTP        *PlainNTP   `yaml:"ntp"`
	Users      []PlainUser `yaml:"users"`
	DiskSetup  PlainDisks  `yaml:"disk_setup"`
	FSSetup    []PlainFS   `yaml:"fs_setup"`
	Mounts     [][]string  `yaml:"mounts"`
}

// PlainFile is one entry of write_files.
type PlainFile struct {
	Path, Encoding, Owner, Permissions, Content string
	Append                                      bool
}

// PlainNTP is ntp.
type PlainNTP struct {
	Enabled *bool
	Servers []string
}

// PlainUser is one entry of users.
type PlainUser struct {
	Name, Passwd, Gecos, Groups, Homedir, Shell, Sudo string
	PrimaryGroup                                      string `yaml:"primary_group"`
	Inactive                                          *bool
	LockPasswd                                        *bool    `yaml:"lock_passwd"`
	SSHAuthorizedKeys                                 []string `yaml:"ssh_authorized_keys"`
}

// PlainDisks are the entries of disk_setup, in order.
type PlainDisks []PlainDisk

// UnmarshalYAML keeps the order of the mapping.
func (d *PlainDisks) UnmarshalYAML(unmarshal func(any) error) error {
	var order yaml.MapSlice
	var disks map[string]PlainDisk
	if err := errors.Join(unmarshal(&order), unmarshal(&disks)); err != nil {
		return err
	}
	for _, item := range order {
		device, ok := item.Key.(string)
		if !ok {
			return errors.New("a device is no text")
		}
		disk := disks[device]
		disk.Device = device
		*d = append(*d, disk)
	}
	return nil
}

// PlainDisk is one entry of disk_setup.
type PlainDisk struct {
	Device    string `yaml:"-"`
	TableType string `yaml:"table_type"`
	Overwrite *bool
	Layout    PlainLayout
}

// PlainLayout is true, false, or a list of partitions, each a percentage and perhaps a type.
type PlainLayout struct {
	Whole      *bool
	Partitions [][]string
}

// UnmarshalYAML reads whichever it is.
func (l *PlainLayout) UnmarshalYAML(unmarshal func(any) error) error {
	var whole bool
	if unmarshal(&whole) == nil {
		l.Whole = &whole
		return nil
	}
	var items []plainPartition
	if err := unmarshal(&items); err != nil {
		return err
	}
	for _, i := range items {
		l.Partitions = append(l.Partitions, i)
	}
	return nil
}

type plainPartition []string

func (p *plainPartition) UnmarshalYAML(unmarshal func(any) error) error {
	var one string
	if unmarshal(&one) == nil {
		*p = []string{one}
		return nil
	}
	var both []string
	err := unmarshal(&both)
	*p = both
	return err
}

// PlainFS is one entry of fs_setup.
type PlainFS struct {
	Label, Filesystem, Device, Partition string
	Overwrite                            *bool
	ReplaceFS                            string   `yaml:"replace_fs"`
	ExtraOpts                            []string `yaml:"extra_opts"`
}

// Plainly reads a cloud-config. ok is false when there may be Jinja in it, or when the library does not accept it.
func Plainly(data []byte) (p *Plain, ok bool) {
	if bytes.HasPrefix(data, []byte("## template: jinja")) && (bytes.Contains(data, []byte("{{")) || bytes.Contains(data, []byte("{%")) || bytes.Contains(data, []byte("{#"))) {
		return nil, false
	}
	p = &Plain{}
	err := yaml.Unmarshal(data, p)
	return p, err == nil
}
