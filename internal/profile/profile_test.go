// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package profile_test

import (
	"net/netip"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
	"github.com/altcos/cluster-api-provider-altcos/internal/profile"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

func TestFromAPI_layersAreValid(t *testing.T) {
	cases := map[string]bootstrapv1.AltcosProfile{
		"the zero value is the built-in profile": {},
		"updates by a lock server":               {OSUpdates: bootstrapv1.OSUpdatesFleetLock, OSUpdateLockURL: "https://lock.example.org/"},
		"everything at once": {
			AltcosUser:       bootstrapv1.AltcosUser{PasswordHash: "$y$j9T$abc", Groups: []string{"wheel"}, SSHAuthorizedKeys: []string{"ssh-ed25519 AAAA a"}},
			Users:            []bootstrapv1.User{{Name: "ops", Groups: []string{"wheel"}, Sudo: "ALL=(ALL) NOPASSWD: ALL", Shell: "/bin/bash"}},
			Hosts:            []bootstrapv1.HostsEntry{{Address: "10.0.0.1", Names: []string{"registry"}}},
			ContainerStorage: bootstrapv1.ContainerStorage{DataDisk: "containers", Label: "images", Driver: bootstrapv1.StorageDriverBtrfs},
			CNIPluginDirs:    []string{"/usr/lib/cni", "/opt/cni/bin"},
			ImagePreload:     bootstrapv1.ImagePreloadArchives,
			NetworkPlugin:    bootstrapv1.NetworkPlugin{Type: bootstrapv1.NetworkPluginManifest, Manifest: "kind: List\n"},
			ShellProfile:     bootstrapv1.ShellProfileNone,
			OSUpdates:        bootstrapv1.OSUpdatesPeriodic,
			OSUpdateTimeZone: "Europe/Moscow",
			OSUpdateWindows:  []bootstrapv1.OSUpdateWindow{{Days: []bootstrapv1.Weekday{"Sat", "Sun"}, Start: "03:30", Minutes: 90}},
			Butane:           "variant: fcos\nversion: 1.3.0\n",
		},
	}
	for name, api := range cases {
		t.Run(name, func(t *testing.T) {
			got, layers, err := profile.FromAPI(&api)
			assert.NoError(t, err)
			if _, err := got.Layer(); err != nil {
				t.Errorf("layer: %v", err)
			}
			if _, err := got.NetworkPluginLayer(nil); err != nil {
				t.Errorf("network plugin: %v", err)
			}
			if (len(layers) > 0) != (api.Butane != "") {
				t.Errorf("%d layers of the user", len(layers))
			}
		})
	}
}

func TestFromAPI_namesWhatIsWrong(t *testing.T) {
	api := bootstrapv1.AltcosProfile{Hosts: []bootstrapv1.HostsEntry{{Address: "nowhere", Names: []string{"a"}}}}
	_, _, err := profile.FromAPI(&api)
	found := problem.All(err)
	if len(found) != 1 || found[0].Path != "hosts[0].address" {
		t.Errorf("problems %v", err)
	}
}

func TestFromAPI_keepsEverythingOfTheRuntime(t *testing.T) {
	got, _, err := profile.FromAPI(&bootstrapv1.AltcosProfile{
		ContainerStorage: bootstrapv1.ContainerStorage{DataDisk: "containers", Label: "images", Driver: bootstrapv1.StorageDriverOverlay, AdditionalImageStores: []string{"/a"}},
		CNIPluginDirs:    []string{"/b"},
	})
	assert.NoError(t, err)
	want := altcos.ContainerStorage{
		Device: altcos.DeviceBySerial("containers"), Label: "images", Driver: altcos.DriverOverlay, AdditionalImageStores: []string{"/a"},
	}
	assert.Equal(t, want, got.ContainerStorage)
	assert.Equal(t, []string{"/b"}, got.CNIPluginDirs)
}

func TestFromAPI_keepsEverythingOfUsers(t *testing.T) {
	api := bootstrapv1.AltcosProfile{
		AltcosUser: bootstrapv1.AltcosUser{PasswordHash: "a", SSHAuthorizedKeys: []string{"b"}, Groups: []string{"c"}},
		Users: []bootstrapv1.User{{Name: "a", PasswordHash: "b", SSHAuthorizedKeys: []string{"c"}, Groups: []string{"d"}, PrimaryGroup: "e",
			UID: 2000, Gecos: "f", HomeDir: "/g", Shell: "/h", Sudo: "i"}},
	}
	got, _, err := profile.FromAPI(&api)
	assert.NoError(t, err)
	assert.Equal(t, altcos.AltcosUser{PasswordHash: "a", SSHAuthorizedKeys: []string{"b"}, Groups: []string{"c"}}, got.AltcosUser)
	want := []altcos.User{{Name: "a", PasswordHash: "b", SSHAuthorizedKeys: []string{"c"}, Groups: []string{"d"}, PrimaryGroup: "e",
		UID: new(2000), Gecos: "f", HomeDir: "/g", Shell: "/h", Sudo: "i"}}
	assert.Equal(t, want, got.Users)
}

func TestEndpointName_isAHostName(t *testing.T) {
	long := strings.Repeat("a", 53)
	for cluster, want := range map[string]string{
		"demo": "demo-endpoint", long + "a": long + "a-endpoint", long + "aaaaaaaaaa": long + "a-endpoint", long + "-bbbbbbbbb": long + "-endpoint",
		"team." + long + "aaaaaaaaaa": "team." + long + "a-endpoint",
	} {
		t.Run(cluster, func(t *testing.T) {
			got := profile.EndpointName(cluster)
			if got != want {
				t.Errorf("got %s", got)
			}
			n := altcos.Node{Hosts: []altcos.HostEntry{{Address: netip.MustParseAddr("10.0.0.1"), Names: []string{got}}}}
			if _, err := n.Layer(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The profile is validated as for a machine, so that one need not create a machine to learn what is wrong.
func TestValidateSpec_looksAtTheProfile(t *testing.T) {
	cases := map[string]struct {
		profile bootstrapv1.AltcosProfile
		want    string
	}{
		"a group of the system":   {bootstrapv1.AltcosProfile{Users: []bootstrapv1.User{{Name: "a", Groups: []string{"users"}}}}, "spec.users[0].groups[0]"},
		"a key of two lines":      {bootstrapv1.AltcosProfile{AltcosUser: bootstrapv1.AltcosUser{SSHAuthorizedKeys: []string{"a\nb"}}}, "spec.altcosUser.sshAuthorizedKeys[0]"},
		"an address that is none": {bootstrapv1.AltcosProfile{Hosts: []bootstrapv1.HostsEntry{{Address: "a"}}}, "spec.hosts[0].address"},
		"a URL that is none":      {bootstrapv1.AltcosProfile{OSUpdates: bootstrapv1.OSUpdatesFleetLock, OSUpdateLockURL: "https://"}, "spec.osUpdateLockURL"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			errs := profile.ValidateSpec(&bootstrapv1.AltcosBootstrapConfigSpec{AltcosProfile: tc.profile}, field.NewPath("spec"))
			if len(errs) != 1 || errs[0].Field != tc.want || errs[0].BadValue != (field.OmitValueType{}) {
				t.Errorf("got %v", errs)
			}
		})
	}
}
