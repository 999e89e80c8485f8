// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package ignition

import (
	"slices"

	"github.com/coreos/ignition/v2/config/v3_2/types"
)

// OwnGroups returns a layer that names a group as primary when it has its user's name already: useradd would make it and
// fail, and the machine would not start. Such a group may come from another layer than its user, so this looks at all of
// them. The layer goes below the others, and has no users when nothing is to be mended. exists tells which groups the
// image has, accounts which users.
func OwnGroups(layers []Layer, exists, accounts func(name string) bool) Layer {
	var own Layer
	decided := map[string]bool{}
	for _, l := range layers {
		for _, u := range l.Config.Passwd.Users {
			primary := u.PrimaryGroup != nil && *u.PrimaryGroup != ""
			decided[u.Name] = decided[u.Name] || primary || isFalse(u.ShouldExist) || isTrue(u.NoUserGroup)
		}
	}
	for _, l := range layers {
		for _, u := range l.Config.Passwd.Users {
			if !decided[u.Name] && !accounts(u.Name) && (exists(u.Name) || makesGroup(layers, u.Name)) {
				decided[u.Name] = true
				own.Config.Passwd.Users = append(own.Config.Passwd.Users, types.PasswdUser{Name: u.Name, PrimaryGroup: &u.Name})
			}
		}
	}
	return own
}

func makesGroup(layers []Layer, name string) bool {
	return slices.ContainsFunc(layers, func(l Layer) bool {
		return slices.ContainsFunc(l.Config.Passwd.Groups, func(g types.PasswdGroup) bool { return g.Name == name && !isFalse(g.ShouldExist) })
	})
}

func isTrue(b *bool) bool { return b != nil && *b }

func isFalse(b *bool) bool { return b != nil && !*b }
