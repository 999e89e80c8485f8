// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_2/types"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// LockedPassword is a hash that no password matches. It allows logins by key, unlike an expired account.
const LockedPassword = "*"

// userName is what useradd accepts; a dot is refused because sudo ignores files of sudoers.d whose name has one.
var userName = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)

// sudoRule is what a rule looks like without its user. The API has it too.
var sudoRule = regexp.MustCompile(`^[^=#\r\n\x00]+=[^\r\n\x00]*[^\s\\,=():!\x00]$`)

// IsSudoRule says whether rule looks like a line of sudoers without its user. One bad line makes sudo useless for everybody.
func IsSudoRule(rule string) bool { return sudoRule.MatchString(rule) }

// HomeOf is where useradd makes the home of a user for whom nothing else is said.
func HomeOf(name string) string {
	if name == "root" {
		return "/var/roothome"
	}
	return "/var/home/" + name
}

// Homes are the home directories of the profile's users.
func (p *Profile) Homes() []string {
	homes := []string{HomeOf(AdminUser)}
	for _, u := range p.Users {
		homes = append(homes, HomeOf(u.Name))
	}
	return homes
}

func (p *Profile) users(b *ignition.Builder, problems *problem.List) {
	groups := p.AltcosUser.Groups
	if groups == nil {
		groups = []string{"wheel", "docker"}
	}
	addUser(b, problems, "altcosUser", User{
		Name: AdminUser, PasswordHash: p.AltcosUser.PasswordHash, Groups: groups,
		SSHAuthorizedKeys: p.AltcosUser.SSHAuthorizedKeys, Sudo: "ALL=(ALL:ALL) NOPASSWD: ALL",
	})
	seen := map[string]bool{AdminUser: true}
	for i, u := range p.Users {
		path := fmt.Sprintf("users[%d]", i)
		if seen[u.Name] {
			problems.Addf(path+".name", "is there twice, or is the image's own user altcos, which altcosUser configures")
			continue
		}
		seen[u.Name] = true
		addUser(b, problems, path, u)
	}
}

func addUser(b *ignition.Builder, problems *problem.List, path string, u User) {
	if !userName.MatchString(u.Name) {
		problems.Addf(path+".name", "must begin with a lower-case letter and hold lower-case letters, digits, _ and - only")
		return
	}
	fields := map[string]string{".passwordHash": u.PasswordHash, ".gecos": u.Gecos, ".homeDir": u.HomeDir, ".shell": u.Shell, ".primaryGroup": u.PrimaryGroup}
	for _, field := range []string{".passwordHash", ".gecos", ".homeDir", ".shell", ".primaryGroup"} {
		if strings.ContainsAny(fields[field], ":\n\x00") {
			problems.Addf(path+field, "must not contain a colon or a line break")
		}
	}
	pu := types.PasswdUser{Name: u.Name, PasswordHash: ptr(or(u.PasswordHash, LockedPassword)), UID: u.UID,
		Gecos: optional(u.Gecos), HomeDir: optional(u.HomeDir), Shell: optional(u.Shell), PrimaryGroup: optional(u.PrimaryGroup)}
	for i, g := range u.Groups {
		ensureGroup(b, problems, fmt.Sprintf("%s.groups[%d]", path, i), g)
		pu.Groups = append(pu.Groups, types.Group(g))
	}
	if u.PrimaryGroup != "" {
		ensureGroup(b, problems, path+".primaryGroup", u.PrimaryGroup)
	}
	pu.SSHAuthorizedKeys = sshKeys(problems, path+".sshAuthorizedKeys", u.SSHAuthorizedKeys)
	b.Config.Passwd.Users = append(b.Config.Passwd.Users, pu)
	if u.Sudo == "" {
		return
	}
	if !sudoRule.MatchString(u.Sudo) { // one bad line makes sudo useless for everybody
		problems.Addf(path+".sudo", "must be one line of sudoers without the user's name, such as ALL=(ALL) NOPASSWD: ALL")
	}
	b.File("/etc/sudoers.d/"+u.Name, 0o440, []byte(u.Name+" "+u.Sudo+"\n"))
}

// ensureGroup makes a group that the image lacks.
func ensureGroup(b *ignition.Builder, problems *problem.List, field, name string) {
	switch {
	case !userName.MatchString(name):
		problems.Addf(field, "is no group name")
	case IsSystemGroup(name):
		problems.Addf(field, SystemGroupProblem, name)
	default:
		makeGroup(b, name)
	}
}

// sshKeys drops repetitions, which Ignition refuses, and refuses what would break authorized_keys.
func sshKeys(problems *problem.List, path string, keys []string) []types.SSHAuthorizedKey {
	var out []types.SSHAuthorizedKey
	seen := map[string]bool{}
	for i, key := range keys {
		key = strings.TrimSpace(key)
		if key == "" || strings.ContainsAny(key, "\n\r\x00") {
			problems.Addf(fmt.Sprintf("%s[%d]", path, i), "must be one line of authorized_keys")
		}
		if !seen[key] {
			seen[key] = true
			out = append(out, types.SSHAuthorizedKey(key))
		}
	}
	return out
}

// sshConfig takes the host key that a node shows first, since nobody is there to be asked, and refuses another one later.
const sshConfig = "Host *\n  StrictHostKeyChecking accept-new\n"

// clusterSSH accepts the cluster's key on every node and gives the private half to control planes, in place of the
// exchange of keys by hand.
func (p *Profile) clusterSSH(b *ignition.Builder, problems *problem.List) {
	if p.ClusterSSH == nil {
		return
	}
	admin := &b.Config.Passwd.Users[0]
	all := append(append([]string{}, p.AltcosUser.SSHAuthorizedKeys...), p.ClusterSSH.PublicKey)
	admin.SSHAuthorizedKeys = sshKeys(problems, "clusterSSH.publicKey", all)
	if len(p.ClusterSSH.PrivateKey) == 0 {
		return
	}
	owner := types.Node{User: types.NodeUser{Name: ptr(AdminUser)}, Group: types.NodeGroup{Name: ptr(AdminUser)}}
	key := owner
	key.Path, key.Overwrite = HomeOf(AdminUser)+"/.ssh/id_ed25519", ptr(true)
	// the home directory too: an image that leaves it to the first login would get one of root's
	for _, path := range []string{HomeOf(AdminUser), HomeOf(AdminUser) + "/.ssh"} {
		dir := owner
		dir.Path = path
		b.Config.Storage.Directories = append(b.Config.Storage.Directories, types.Directory{Node: dir, DirectoryEmbedded1: types.DirectoryEmbedded1{Mode: ptr(0o700)}})
	}
	b.Node(types.File{Node: key, FileEmbedded1: types.FileEmbedded1{Mode: ptr(0o600), Contents: ignition.Inline(p.ClusterSSH.PrivateKey)}})
	config := owner
	config.Path, config.Overwrite = HomeOf(AdminUser)+"/.ssh/config", ptr(true)
	b.Node(types.File{Node: config, FileEmbedded1: types.FileEmbedded1{Mode: ptr(0o600), Contents: ignition.Inline([]byte(sshConfig))}})
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func or[T ~string](value, fallback T) T {
	if value == "" {
		return fallback
	}
	return value
}

func ptr[T any](v T) *T { return &v }
