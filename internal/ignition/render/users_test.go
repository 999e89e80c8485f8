// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/altcos/cluster-api-provider-altcos/internal/bootstrapdata"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/ignitiontest"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/render"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

// primaryGroups are those of all users but altcos, by user, in a config of any spec.
func primaryGroups(t *testing.T, raw []byte) map[string]string {
	t.Helper()
	var cfg struct {
		Passwd struct {
			Users []struct{ Name, PrimaryGroup string }
		}
	}
	assert.NoError(t, json.Unmarshal(raw, &cfg))
	out := map[string]string{}
	for _, u := range cfg.Passwd.Users {
		if u.Name != altcos.AdminUser || u.PrimaryGroup != "" {
			out[u.Name] = u.PrimaryGroup
		}
	}
	return out
}

// TestRender_namesAGroupThatHasTheUsersNameAlready: useradd would fail with "group adm exists", and the machine not start.
func TestRender_namesAGroupThatHasTheUsersNameAlready(t *testing.T) {
	cloud := func(text string) bootstrapdata.Data {
		return bootstrapdata.Data{Format: bootstrapdata.FormatCloudConfig, Value: []byte("#cloud-config\n" + text)}
	}
	foreign := func(text string) bootstrapdata.Data {
		return bootstrapdata.Data{Format: bootstrapdata.FormatIgnition, Value: []byte(text)}
	}
	profile := func(users ...altcos.User) *altcos.Profile { return &altcos.Profile{Users: users} }
	butane := func(text string) []render.UserLayer {
		return []render.UserLayer{{Name: "butane", Data: []byte(butaneHead + "passwd:\n" + text)}}
	}
	cases := map[string]struct {
		in   render.Input
		want map[string]string
	}{
		"in the cloud-config": {render.Input{Bootstrap: cloud("users: [{name: a}, {name: b, groups: a}, {name: docker}, {name: c, primary_group: a}, {name: altcos, groups: altcos}]\n")},
			map[string]string{"a": "a", "b": "", "docker": "docker", "c": "a"}},
		"in the profile":                      {render.Input{Profile: profile(altcos.User{Name: "adm"}, altcos.User{Name: "ops", Groups: []string{"dev"}}, altcos.User{Name: "dev"}), Bootstrap: cloud("")}, map[string]string{"adm": "adm", "ops": "", "dev": "dev"}},
		"of the profile, in the cloud-config": {render.Input{Profile: profile(altcos.User{Name: "a"}), Bootstrap: cloud("users: [{name: b, groups: a}]\n")}, map[string]string{"a": "a", "b": ""}},
		"of the cloud-config, in Butane":      {render.Input{Bootstrap: cloud("users: [{name: a}, {name: b}]\n"), UserLayers: butane("  groups: [{name: a}, {name: b, should_exist: false}]\n")}, map[string]string{"a": "a", "b": ""}},
		"of Butane, in the profile":           {render.Input{Profile: profile(altcos.User{Name: "a", Groups: []string{"b", "c"}}), Bootstrap: cloud(""), UserLayers: butane("  users: [{name: b}, {name: c, no_user_group: true}]\n")}, map[string]string{"a": "", "b": "b", "c": ""}},
		"of the profile, in newer Ignition": {render.Input{Profile: profile(altcos.User{Name: "a"}, altcos.User{Name: "b", Groups: []string{"c"}}),
			Bootstrap: foreign(`{"ignition":{"version":"3.4.0"},"passwd":{"groups":[{"name":"a"}],"users":[{"name":"c"},{"name":"adm"}]}}`)}, map[string]string{"a": "a", "b": "", "c": "c", "adm": "adm"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			in := tc.in
			in.Node = node("worker01", "10.150.0.171")
			got := mustRender(t, in)
			assert.Equal(t, tc.want, primaryGroups(t, got))
			if tc.in.Bootstrap.Format == bootstrapdata.FormatIgnition {
				return
			}
			apart := mustRender(t, tc.in)
			second := mustRender(t, render.Input{Bootstrap: foreign(string(apart)), Node: in.Node})
			if diff := cmp.Diff(string(got), string(second)); diff != "" {
				t.Errorf("in two steps (-one step +two steps)\n%s", diff)
			}
		})
	}
}

// TestRender_keepsThePasswordOfTheProfile: lock_passwd: false without a password keeps the existing one.
func TestRender_keepsThePasswordOfTheProfile(t *testing.T) {
	for user, want := range map[string]string{
		"name: altcos": "$y$profile", "name: altcos, lock_passwd: false": "$y$profile", "name: altcos, lock_passwd: true": altcos.LockedPassword,
		"name: altcos, lock_passwd: false, passwd: $6$x": "$6$x", "name: altcos, passwd: $6$x": "!$6$x",
	} {
		got := mustRender(t, render.Input{Profile: &altcos.Profile{AltcosUser: altcos.AltcosUser{PasswordHash: "$y$profile"}}, Node: node("n", "10.150.0.171"),
			Bootstrap: bootstrapdata.Data{Format: bootstrapdata.FormatCloudConfig, Value: []byte("#cloud-config\nusers: [{" + user + "}]\n")}})
		if hash := *ignitiontest.Parse(t, got).Passwd.Users[0].PasswordHash; hash != want {
			t.Errorf("%s: the hash is %q, want %q", user, hash, want)
		}
	}
}
