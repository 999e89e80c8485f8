// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudinit

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

// imageGroup matches groups that exist on every image; other groups are made, as cloud-init makes them.
var imageGroup = regexp.MustCompile(`^(root|wheel|docker|adm|sudo|users|systemd-journal)$`)

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
		if u.Sudo != "" && u.Sudo != "false" { // cloud-init's sudo: false asks for no rule
			if strings.ContainsAny(u.Sudo, "\n\r") {
				c.problems.Addf(field+".sudo", "must be one line")
			}
			sudoers.WriteString(u.Name + " " + u.Sudo + "\n")
		}
	}
	if sudoers.Len() > 0 {
		c.b.File("/etc/sudoers.d/90-bootstrap-users", 0o440, []byte(sudoers.String()))
	}
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
		Name: u.Name, PasswordHash: ptr(passwordHash(u)), Gecos: optional(u.Gecos), HomeDir: optional(u.HomeDir),
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

// passwordHash follows cloud-init: the password is locked unless lock_passwd is false.
func passwordHash(u cloudconfig.User) string {
	switch locked := u.LockPassword == nil || *u.LockPassword; {
	case u.PasswordHash == "":
		return altcos.LockedPassword
	case locked:
		return "!" + u.PasswordHash
	}
	return u.PasswordHash
}

func (c *converter) ensureGroup(field, name string) {
	if name == "" || imageGroup.MatchString(name) {
		return
	}
	if !accountName.MatchString(name) {
		c.problems.Addf(field+".groups", "must be group names")
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

// ntp configures systemd-timesyncd, which the image has in place of ntpd.
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
	c.b.Config.Systemd.Units = append(c.b.Config.Systemd.Units, types.Unit{Name: "systemd-timesyncd.service", Enabled: ptr(true)})
}
