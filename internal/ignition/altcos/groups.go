// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos

import (
	"slices"

	"github.com/coreos/ignition/v2/config/v3_2/types"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
)

// SystemGroupProblem is the reason why a group, its argument, cannot be had.
const SystemGroupProblem = "%q is a system group: images keep it where Ignition neither finds it nor can make it, and would not start; use wheel, docker or adm, or call usermod in preKubeadmCommands"

// IsImageGroup tells whether every image has the group in /etc/group. Others are made.
func IsImageGroup(name string) bool {
	return slices.Contains([]string{"root", AdminUser, "wheel", "docker", "adm"}, name)
}

// IsImageUser tells whether every image has the user in /etc/passwd. Others are made.
func IsImageUser(name string) bool { return name == "root" || name == AdminUser }

// IsSystemGroup tells whether a package of the image is likely to have made the group. An ostree image keeps such groups in
// /lib/group, by way of nss-altfiles: there useradd does not find them, and the groupadd of an older Ignition fails on what
// exists already.
func IsSystemGroup(name string) bool {
	return slices.Contains([]string{
		"audio", "bin", "cdrom", "cdwriter", "console", "daemon", "dialout", "disk", "floppy", "games", "input", "kmem", "kvm",
		"lp", "mail", "man", "mem", "netadmin", "nobody", "nogroup", "plugdev", "proc", "render", "scanner", "sgx", "sshd", "sudo",
		"sys", "systemd-journal", "systemd-network", "systemd-resolve", "systemd-timesync", "tape", "tty", "users", "utmp", "uucp",
		"video", "xgrp",
	}, name)
}

// makeGroup adds a group that no image has, once.
func makeGroup(b *ignition.Builder, name string) {
	groups := &b.Config.Passwd.Groups
	if IsImageGroup(name) || slices.ContainsFunc(*groups, func(g types.PasswdGroup) bool { return g.Name == name }) {
		return
	}
	*groups = append(*groups, types.PasswdGroup{Name: name})
}
