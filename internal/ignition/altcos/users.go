// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos

import (
	"fmt"
	"regexp"

	"github.com/coreos/ignition/v2/config/v3_2/types"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// userName is what useradd accepts; a dot is refused because sudo ignores files of sudoers.d whose name has one.
var userName = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)

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
			problems.Addf(path+".name", "is duplicated, or is the image's own user altcos, which altcosUser configures")
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
	CheckPasswd(problems, path, PasswdField{"passwordHash", u.PasswordHash}, PasswdField{"gecos", u.Gecos},
		PasswdField{"homeDir", u.HomeDir}, PasswdField{"shell", u.Shell}, PasswdField{"primaryGroup", u.PrimaryGroup})
	pu := types.PasswdUser{Name: u.Name, PasswordHash: new(or(u.PasswordHash, LockedPassword)), UID: u.UID,
		Gecos: ignition.Optional(u.Gecos), HomeDir: ignition.Optional(u.HomeDir), Shell: ignition.Optional(u.Shell), PrimaryGroup: ignition.Optional(u.PrimaryGroup)}
	for i, g := range u.Groups {
		EnsureGroup(b, problems, fmt.Sprintf("%s.groups[%d]", path, i), g)
		pu.Groups = append(pu.Groups, types.Group(g))
	}
	if u.PrimaryGroup != "" {
		EnsureGroup(b, problems, path+".primaryGroup", u.PrimaryGroup)
	}
	pu.SSHAuthorizedKeys = SSHKeys(problems, path+".sshAuthorizedKeys", u.SSHAuthorizedKeys)
	b.Config.Passwd.Users = append(b.Config.Passwd.Users, pu)
	if u.Sudo == "" {
		return
	}
	CheckSudo(problems, path+".sudo", u.Sudo)
	b.File("/etc/sudoers.d/"+u.Name, 0o440, []byte(u.Name+" "+u.Sudo+"\n"))
}

// sshConfig accepts the host key that a node shows first, since there is no one to ask, and refuses another one later.
const sshConfig = "Host *\n  StrictHostKeyChecking accept-new\n"

// clusterSSH accepts the cluster's key on every node and gives the private half to control planes, so that keys need not be
// exchanged by hand.
func (p *Profile) clusterSSH(b *ignition.Builder, problems *problem.List) {
	if p.ClusterSSH == nil {
		return
	}
	admin := &b.Config.Passwd.Users[0]
	all := append(append([]string{}, p.AltcosUser.SSHAuthorizedKeys...), p.ClusterSSH.PublicKey)
	admin.SSHAuthorizedKeys = SSHKeys(problems, "clusterSSH.publicKey", all)
	if len(p.ClusterSSH.PrivateKey) == 0 {
		return
	}
	owner := types.Node{User: types.NodeUser{Name: new(AdminUser)}, Group: types.NodeGroup{Name: new(AdminUser)}}
	key := owner
	key.Path, key.Overwrite = HomeOf(AdminUser)+"/.ssh/id_ed25519", new(true)
	// the home directory too: an image that leaves it to the first login would get one of root's
	for _, path := range []string{HomeOf(AdminUser), HomeOf(AdminUser) + "/.ssh"} {
		dir := owner
		dir.Path = path
		b.Config.Storage.Directories = append(b.Config.Storage.Directories, types.Directory{Node: dir, DirectoryEmbedded1: types.DirectoryEmbedded1{Mode: new(0o700)}})
	}
	b.Node(types.File{Node: key, FileEmbedded1: types.FileEmbedded1{Mode: new(0o600), Contents: ignition.Inline(p.ClusterSSH.PrivateKey)}})
	config := owner
	config.Path, config.Overwrite = HomeOf(AdminUser)+"/.ssh/config", new(true)
	b.Node(types.File{Node: config, FileEmbedded1: types.FileEmbedded1{Mode: new(0o600), Contents: ignition.Inline([]byte(sshConfig))}})
}
