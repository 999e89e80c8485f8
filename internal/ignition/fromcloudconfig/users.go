// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudconfig

import (
	"fmt"
	"slices"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_2/types"

	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
)

func (c *converter) users() {
	var sudoers strings.Builder
	seen := map[string]bool{}
	for i, u := range c.cfg.Users {
		field := fmt.Sprintf("users[%d]", i)
		if !altcos.IsAccountName(u.Name) {
			c.problems.Addf(field+".name", "is not a valid user name")
			continue
		}
		if seen[u.Name] {
			c.problems.Addf(field+".name", "is duplicated")
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

// mayUseSudo reports whether there is a rule: cloud-init's sudo: false, in any of YAML's spellings, asks for none.
func (c *converter) mayUseSudo(field, rule string) bool {
	switch strings.ToLower(rule) {
	case "", "false", "no", "off":
		return false
	}
	altcos.CheckSudo(&c.problems, field+".sudo", rule)
	return true
}

func (c *converter) user(field string, u cloudconfig.User) {
	if u.Inactive != nil && *u.Inactive {
		c.problems.Addf(field+".inactive", "is not supported: Ignition cannot make an inactive user; use lock_passwd or an expiry command")
	}
	altcos.CheckPasswd(&c.problems, field, altcos.PasswdField{Name: "passwd", Value: u.PasswordHash}, altcos.PasswdField{Name: "gecos", Value: u.Gecos},
		altcos.PasswdField{Name: "homedir", Value: u.HomeDir}, altcos.PasswdField{Name: "shell", Value: u.Shell})
	pu := types.PasswdUser{
		Name: u.Name, PasswordHash: passwordHash(u), Gecos: ignition.Optional(u.Gecos), HomeDir: ignition.Optional(u.HomeDir),
		Shell: ignition.Optional(u.Shell), PrimaryGroup: ignition.Optional(u.PrimaryGroup),
		SSHAuthorizedKeys: altcos.SSHKeys(&c.problems, field+".ssh_authorized_keys", u.SSHAuthorizedKeys),
	}
	for _, g := range u.Groups {
		if !slices.Contains(pu.Groups, types.Group(g)) {
			pu.Groups = append(pu.Groups, types.Group(g))
		}
	}
	for _, g := range u.Groups {
		altcos.EnsureGroup(c.b, &c.problems, field+".groups", g)
	}
	if u.PrimaryGroup != "" {
		altcos.EnsureGroup(c.b, &c.problems, field+".primary_group", u.PrimaryGroup)
	}
	c.b.Config.Passwd.Users = append(c.b.Config.Passwd.Users, pu)
}

// passwordHash follows cloud-init: the password is locked unless lock_passwd is false. The administrator's is left to the
// profile, which always sets it, unless the cloud-config has another or locks it: lock_passwd: false only keeps the
// existing one.
func passwordHash(u cloudconfig.User) *string {
	asked := u.LockPassword != nil && *u.LockPassword
	switch locked := u.LockPassword == nil || asked; {
	case u.Name == altcos.AdminUser && u.PasswordHash == "" && !asked:
		return nil
	case u.PasswordHash == "":
		return new(altcos.LockedPassword)
	case locked:
		return new("!" + u.PasswordHash)
	}
	return &u.PasswordHash
}
