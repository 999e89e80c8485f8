// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudconfig

import (
	"slices"
	"strconv"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_2/types"

	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
)

// lateOwner is the owner of a file that only the running system can look up.
type lateOwner struct{ path, owner string }

// setOwners sets the owners of the files on disk, by path. A name that Ignition does not find in /etc/passwd and /etc/group
// would stop the boot; an ostree image keeps those of its packages elsewhere. The script can find them, before all commands,
// as cloud-init would; until then the file is root's.
func (c *converter) setOwners(owners map[string]string) {
	for i := range c.b.Config.Storage.Files {
		f := &c.b.Config.Storage.Files[i]
		user, group, _ := strings.Cut(owners[f.Path], ":")
		if c.hasUser(user) && c.hasGroup(group) {
			f.User, f.Group = owner(user, group)
			continue
		}
		c.lateOwners = append(c.lateOwners, lateOwner{path: f.Path, owner: owners[f.Path]})
	}
}

// hasUser reports whether Ignition can look the user up: it makes those of the cloud-config before it writes files.
func (c *converter) hasUser(name string) bool {
	return name == "" || isNumber(name) || altcos.IsImageUser(name) ||
		slices.ContainsFunc(c.cfg.Users, func(u cloudconfig.User) bool { return u.Name == name })
}

func (c *converter) hasGroup(name string) bool {
	return name == "" || isNumber(name) || altcos.IsImageGroup(name) ||
		slices.ContainsFunc(c.cfg.Users, func(u cloudconfig.User) bool {
			own := u.Name == name && u.PrimaryGroup == ""
			return own || u.PrimaryGroup == name || slices.Contains(u.Groups, name)
		})
}

func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}

// owner is a user and a group in Ignition; numbers stay numbers, and root is 0 even when the image keeps no /etc/passwd.
func owner(user, group string) (types.NodeUser, types.NodeGroup) {
	uid, uname := idOrName(user)
	gid, gname := idOrName(group)
	return types.NodeUser{ID: uid, Name: uname}, types.NodeGroup{ID: gid, Name: gname}
}

func idOrName(s string) (id *int, name *string) {
	if s == "" {
		return nil, nil
	}
	if s == "root" {
		return new(0), nil
	}
	if n, err := strconv.Atoi(s); err == nil {
		return &n, nil
	}
	return nil, &s
}
