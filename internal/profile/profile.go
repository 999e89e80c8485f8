// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"fmt"
	"net/netip"
	"strings"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/render"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// FromAPI returns the profile of the API, and the layers of the user on top of it. The zero value gives the
// built-in profile. Errors are problem.Problem values.
func FromAPI(p *bootstrapv1.AltcosProfile) (*altcos.Profile, []render.UserLayer, error) {
	var problems problem.List
	out := &altcos.Profile{
		AltcosUser: altcos.AltcosUser{
			PasswordHash:      p.AltcosUser.PasswordHash,
			SSHAuthorizedKeys: p.AltcosUser.SSHAuthorizedKeys,
			Groups:            p.AltcosUser.Groups,
		},
		Users:            users(p.Users),
		Hosts:            hosts(p.Hosts, &problems),
		ContainerStorage: containerStorage(p.ContainerStorage),
		CNIPluginDirs:    p.CNIPluginDirs,
		ImagePreload:     altcos.ImagePreload(p.ImagePreload),
		NetworkPlugin:    networkPlugin(p.NetworkPlugin),
		ShellProfile:     altcos.ShellProfile(p.ShellProfile),
		OSUpdates:        osUpdates(p),
	}
	if err := problems.Err(); err != nil {
		return nil, nil, problem.In("profile", err)
	}
	if strings.TrimSpace(p.Butane) == "" {
		return out, nil, nil
	}
	return out, []render.UserLayer{{Name: "butane", Data: []byte(p.Butane)}}, nil
}

func users(list []bootstrapv1.User) []altcos.User {
	var out []altcos.User
	for _, u := range list {
		var uid *int
		if u.UID != 0 {
			uid = new(int(u.UID))
		}
		out = append(out, altcos.User{
			Name:              u.Name,
			PasswordHash:      u.PasswordHash,
			SSHAuthorizedKeys: u.SSHAuthorizedKeys,
			Groups:            u.Groups,
			PrimaryGroup:      u.PrimaryGroup,
			UID:               uid,
			Gecos:             u.Gecos,
			HomeDir:           u.HomeDir,
			Shell:             u.Shell,
			Sudo:              u.Sudo,
		})
	}
	return out
}

func hosts(entries []bootstrapv1.HostsEntry, problems *problem.List) []altcos.HostEntry {
	var out []altcos.HostEntry
	for i, e := range entries {
		address, err := netip.ParseAddr(e.Address)
		if err != nil {
			problems.Addf(fmt.Sprintf("hosts[%d].address", i), "must be an IP address")
			continue
		}
		out = append(out, altcos.HostEntry{Address: address, Names: e.Names})
	}
	return out
}

func containerStorage(s bootstrapv1.ContainerStorage) altcos.ContainerStorage {
	out := altcos.ContainerStorage{
		Device:                s.Device,
		Label:                 s.Label,
		Driver:                altcos.StorageDriver(s.Driver),
		AdditionalImageStores: s.AdditionalImageStores,
	}
	if s.DataDisk != "" {
		out.Device = altcos.DeviceBySerial(s.DataDisk)
	}
	return out
}

func osUpdates(p *bootstrapv1.AltcosProfile) altcos.OSUpdates {
	out := altcos.OSUpdates{Strategy: altcos.UpdateStrategy(p.OSUpdates), TimeZone: p.OSUpdateTimeZone, FleetLockURL: p.OSUpdateLockURL}
	for _, w := range p.OSUpdateWindows {
		window := altcos.UpdateWindow{Start: w.Start, Minutes: int(w.Minutes)}
		for _, day := range w.Days {
			window.Days = append(window.Days, string(day))
		}
		out.Windows = append(out.Windows, window)
	}
	return out
}

func networkPlugin(n bootstrapv1.NetworkPlugin) altcos.NetworkPlugin {
	switch n.Type {
	case bootstrapv1.NetworkPluginNone:
		return altcos.NetworkPlugin{None: true}
	case bootstrapv1.NetworkPluginManifest:
		if n.Manifest != "" {
			return altcos.NetworkPlugin{Manifest: []byte(n.Manifest)}
		}
		return altcos.NetworkPlugin{ManifestPath: n.ManifestPath}
	case bootstrapv1.NetworkPluginFlannel:
	}
	return altcos.NetworkPlugin{}
}
