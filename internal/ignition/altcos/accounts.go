// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_2/types"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// AdminUser is the image's own user.
const AdminUser = "altcos"

// LockedPassword is a hash that no password matches. It allows logins by key, unlike an expired account.
const LockedPassword = "*"

var (
	// accountName is what useradd and groupadd accept.
	accountName = regexp.MustCompile(`^[a-z_][a-z0-9_.-]{0,31}\$?$`)
	// sudoRule is what a rule looks like without its user. The API has it too.
	sudoRule = regexp.MustCompile(`^[^=#\r\n\x00]+=[^\r\n\x00]*[^\s\\,=():!\x00]$`)
)

// IsAccountName reports whether useradd and groupadd accept the name.
func IsAccountName(name string) bool { return accountName.MatchString(name) }

// IsImageGroup reports whether every image has the group in /etc/group. Others are made.
func IsImageGroup(name string) bool {
	return slices.Contains([]string{"root", AdminUser, "wheel", "docker", "adm"}, name)
}

// IsImageUser reports whether every image has the user in /etc/passwd. Others are made.
func IsImageUser(name string) bool { return name == "root" || name == AdminUser }

// isSystemGroup reports whether a package of the image is likely to have made the group. An ostree image keeps such groups in
// /lib/group, by way of nss-altfiles: there useradd does not find them, and the groupadd of an older Ignition fails on what
// exists already.
func isSystemGroup(name string) bool {
	return slices.Contains([]string{
		"audio", "bin", "cdrom", "cdwriter", "console", "daemon", "dialout", "disk", "floppy", "games", "input", "kmem", "kvm",
		"lp", "mail", "man", "mem", "netadmin", "nobody", "nogroup", "plugdev", "proc", "render", "scanner", "sgx", "sshd", "sudo",
		"sys", "systemd-journal", "systemd-network", "systemd-resolve", "systemd-timesync", "tape", "tty", "users", "utmp", "uucp",
		"video", "xgrp",
	}, name)
}

// HomeOf is where useradd makes the home of a user whose home is not set.
func HomeOf(name string) string {
	if name == "root" {
		return "/var/roothome"
	}
	return "/var/home/" + name
}

// EnsureGroup adds a group that the image lacks, once.
func EnsureGroup(b *ignition.Builder, problems *problem.List, field, name string) {
	groups := &b.Config.Passwd.Groups
	switch {
	case IsImageGroup(name):
	case !IsAccountName(name):
		problems.Addf(field, "is not a valid group name")
	case isSystemGroup(name):
		problems.Addf(field, "%q is a system group: images keep it where Ignition neither finds it nor can make it, and would not start; use wheel, docker or adm, or call usermod in preKubeadmCommands", name)
	case !slices.ContainsFunc(*groups, func(g types.PasswdGroup) bool { return g.Name == name }):
		*groups = append(*groups, types.PasswdGroup{Name: name})
	}
}

// PasswdField is a named field of a user that becomes a field of /etc/passwd or /etc/shadow.
type PasswdField struct{ Name, Value string }

// CheckPasswd refuses what would end a field of /etc/passwd or /etc/shadow.
func CheckPasswd(problems *problem.List, path string, fields ...PasswdField) {
	for _, f := range fields {
		if strings.ContainsAny(f.Value, ":\n\r\x00") {
			problems.Addf(path+"."+f.Name, "must not contain a colon or a line break")
		}
	}
}

// CheckSudo refuses what is not a rule: one bad line makes sudo useless for everybody.
func CheckSudo(problems *problem.List, field, rule string) {
	if !sudoRule.MatchString(rule) {
		problems.Addf(field, "must be one line of sudoers without the user's name, such as ALL=(ALL) NOPASSWD: ALL")
	}
}

// SSHKeys drops repetitions, which Ignition refuses, and refuses what would break authorized_keys.
func SSHKeys(problems *problem.List, field string, keys []string) []types.SSHAuthorizedKey {
	var out []types.SSHAuthorizedKey
	for i, key := range keys {
		key = strings.TrimSpace(key)
		if key == "" || strings.ContainsAny(key, "\n\r\x00") {
			problems.Addf(fmt.Sprintf("%s[%d]", field, i), "must be one line of authorized_keys")
		}
		if k := types.SSHAuthorizedKey(key); !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}

// OwnGroups returns a layer that names a group as primary when it has its user's name already: useradd would make it and
// fail, and the machine would not start. Such a group may come from another layer than its user, so this looks at all of
// them. The layer goes below the others, and has no users when nothing needs it.
func OwnGroups(layers []ignition.Layer) ignition.Layer {
	var own ignition.Layer
	decided := map[string]bool{}
	for _, l := range layers {
		for _, u := range l.Config.Passwd.Users {
			primary := u.PrimaryGroup != nil && *u.PrimaryGroup != ""
			decided[u.Name] = decided[u.Name] || primary || ignition.IsFalse(u.ShouldExist) || ignition.IsTrue(u.NoUserGroup)
		}
	}
	for _, l := range layers {
		for _, u := range l.Config.Passwd.Users {
			if !decided[u.Name] && !IsImageUser(u.Name) && (IsImageGroup(u.Name) || makesGroup(layers, u.Name)) {
				decided[u.Name] = true
				own.Config.Passwd.Users = append(own.Config.Passwd.Users, types.PasswdUser{Name: u.Name, PrimaryGroup: &u.Name})
			}
		}
	}
	return own
}

func makesGroup(layers []ignition.Layer, name string) bool {
	return slices.ContainsFunc(layers, func(l ignition.Layer) bool {
		return slices.ContainsFunc(l.Config.Passwd.Groups, func(g types.PasswdGroup) bool {
			return g.Name == name && !ignition.IsFalse(g.ShouldExist)
		})
	})
}
