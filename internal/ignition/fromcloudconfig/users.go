// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudconfig

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_2/types"

	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
)

var accountName = regexp.MustCompile(`^[a-z_][a-z0-9_.-]{0,31}\$?$`)

func (c *converter) users() {
	var sudoers strings.Builder
	seen := map[string]bool{}
	for i, u := range c.cfg.Users {
		field := fmt.Sprintf("users[%d]", i)
		if !accountName.MatchString(u.Name) {
			c.problems.Addf(field+".name", "is no user name")
			continue
		}
		if seen[u.Name] {
			c.problems.Addf(field+".name", "is there twice")
			continue
		}
		seen[u.Name] = true
		c.user(field, u)
		if c.mayUseSudo(field, u.Sudo) {
			sudoers.WriteString(u.Name + " " + u.Sudo + "\n")
		}
	}
	if sudoers.Len() > 0 {
		c.b.File("/etc/sudoers.d/90-bootstrap-users", 0o440, []byte(sudoers.String()))
	}
}

// mayUseSudo says whether there is a rule: cloud-init's sudo: false, in any of YAML's spellings, asks for none. What is
// no rule is refused, since one bad line makes sudo useless for everybody.
func (c *converter) mayUseSudo(field, rule string) bool {
	switch strings.ToLower(rule) {
	case "", "false", "no", "off":
		return false
	}
	if !altcos.IsSudoRule(rule) {
		c.problems.Addf(field+".sudo", "must be one line of sudoers without the user's name, such as ALL=(ALL) NOPASSWD:ALL")
	}
	return true
}

func (c *converter) user(field string, u cloudconfig.User) {
	if u.Inactive != nil && *u.Inactive {
		c.problems.Addf(field+".inactive", "Ignition cannot make an inactive user; use lock_passwd or an expiry command")
	}
	for _, f := range []struct{ name, value string }{
		{"passwd", u.PasswordHash}, {"gecos", u.Gecos}, {"homedir", u.HomeDir}, {"shell", u.Shell},
	} {
		if strings.ContainsAny(f.value, ":\n\r") {
			c.problems.Addf(field+"."+f.name, "must not contain a colon or a line break")
		}
	}
	pu := types.PasswdUser{
		Name: u.Name, PasswordHash: passwordHash(u), Gecos: optional(u.Gecos), HomeDir: optional(u.HomeDir),
		Shell: optional(u.Shell), PrimaryGroup: optional(u.PrimaryGroup),
	}
	for _, g := range u.Groups {
		if !slices.Contains(pu.Groups, types.Group(g)) {
			pu.Groups = append(pu.Groups, types.Group(g))
		}
	}
	for _, g := range append(slices.Clone(u.Groups), u.PrimaryGroup) {
		c.ensureGroup(field, g)
	}
	for j, key := range u.SSHAuthorizedKeys {
		key = strings.TrimSpace(key)
		if key == "" || strings.ContainsAny(key, "\n\r") {
			c.problems.Addf(fmt.Sprintf("%s.ssh_authorized_keys[%d]", field, j), "must be one line of authorized_keys")
		}
		if k := types.SSHAuthorizedKey(key); !slices.Contains(pu.SSHAuthorizedKeys, k) {
			pu.SSHAuthorizedKeys = append(pu.SSHAuthorizedKeys, k)
		}
	}
	c.b.Config.Passwd.Users = append(c.b.Config.Passwd.Users, pu)
}

// passwordHash follows cloud-init: the password is locked unless lock_passwd is false. The administrator's is left to the
// profile, which always says what it is, unless the cloud-config has another or locks it: lock_passwd: false only asks to
// keep the one that is there.
func passwordHash(u cloudconfig.User) *string {
	asked := u.LockPassword != nil && *u.LockPassword
	switch locked := u.LockPassword == nil || asked; {
	case u.Name == altcos.AdminUser && u.PasswordHash == "" && !asked:
		return nil
	case u.PasswordHash == "":
		return ptr(altcos.LockedPassword)
	case locked:
		return ptr("!" + u.PasswordHash)
	}
	return &u.PasswordHash
}

func (c *converter) ensureGroup(field, name string) {
	if name == "" || altcos.IsImageGroup(name) {
		return
	}
	if !accountName.MatchString(name) {
		c.problems.Addf(field+".groups", "must be group names")
		return
	}
	if altcos.IsSystemGroup(name) {
		c.problems.Addf(field+".groups", altcos.SystemGroupProblem, name)
		return
	}
	groups := &c.b.Config.Passwd.Groups
	if !slices.ContainsFunc(*groups, func(g types.PasswdGroup) bool { return g.Name == name }) {
		*groups = append(*groups, types.PasswdGroup{Name: name})
	}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

var serverName = regexp.MustCompile(`^[A-Za-z0-9:][A-Za-z0-9:._-]*$`)

// ntp configures systemd-timesyncd, which the image has to have in place of ntpd.
func (c *converter) ntp() {
	ntp := c.cfg.NTP
	if ntp == nil || (ntp.Enabled != nil && !*ntp.Enabled) {
		return
	}
	for i, s := range ntp.Servers {
		if !serverName.MatchString(s) {
			c.problems.Addf(fmt.Sprintf("ntp.servers[%d]", i), "must be a host name or an address")
		}
	}
	if len(ntp.Servers) > 0 {
		c.b.File("/etc/systemd/timesyncd.conf.d/50-bootstrap.conf", 0o644, []byte(ignition.UnitText{}.
			Section("Time", ignition.Set("NTP", strings.Join(ntp.Servers, " "))).String()))
	}
	const unit = "systemd-timesyncd.service"
	c.imageUnits = append(c.imageUnits, unit)
	c.b.Config.Systemd.Units = append(c.b.Config.Systemd.Units, types.Unit{Name: unit, Enabled: ptr(true)})
	c.b.Config.Storage.Links = append(c.b.Config.Storage.Links, types.Link{ // for images where no preset is evaluated
		Node:          types.Node{Path: "/etc/systemd/system/sysinit.target.wants/" + unit, Overwrite: ptr(true)},
		LinkEmbedded1: types.LinkEmbedded1{Target: "/usr/lib/systemd/system/" + unit},
	})
}
