// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/altcos/cluster-api-provider-altcos/internal/bootstrapdata"
	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/ignitiontest"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/render"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
)

const butaneHead = "variant: fcos\nversion: 1.3.0\n"

var mine = render.UserLayer{Name: "spec.butane", Data: []byte(butaneHead + `storage:
  files:
  - path: /etc/hostname
    overwrite: true
    contents: {inline: mine}
  - path: /etc/hosts
    append:
    - inline: "9.9.9.9 nine\n"
`)}

func mustRender(tb testing.TB, in render.Input) []byte {
	tb.Helper()
	got, err := render.Render(in)
	assert.NoError(tb, err)
	return got
}

// fileText is the content of one file of a config, with what is appended to it.
func fileText(tb testing.TB, raw []byte, path string) string {
	tb.Helper()
	for _, f := range ignitiontest.Parse(tb, raw).Storage.Files {
		if f.Path == path {
			text := ignitiontest.Contents(tb, f.Contents)
			for _, r := range f.Append {
				text += ignitiontest.Contents(tb, r)
			}
			return text
		}
	}
	return "no such file"
}

func TestRender_letsTheUserWin(t *testing.T) {
	got := mustRender(t, render.Input{Bootstrap: cloudConfig(t, cabpk.Worker), Node: node("worker01", "10.150.0.171"), UserLayers: []render.UserLayer{mine}})
	if text := fileText(t, got, "/etc/hostname"); text != "mine" {
		t.Errorf("host name is %q", text)
	}
	if text := fileText(t, got, "/etc/hosts"); text != "\n10.150.0.171 worker01\n9.9.9.9 nine\n" {
		t.Errorf("hosts is %q", text)
	}
}

func TestRender_inTwoStepsGivesTheSameAsInOne(t *testing.T) {
	in := render.Input{Profile: &altcos.Profile{ContainerStorage: altcos.ContainerStorage{Device: altcos.DeviceBySerial("data")}},
		Bootstrap: cloudConfig(t, cabpk.Worker), InstanceData: cloudconfig.InstanceData{Hostname: "worker01"}, UserLayers: []render.UserLayer{mine}}
	first := mustRender(t, in)
	if fileText(t, first, "/etc/hostname") != "no such file" {
		t.Error("the user's layer is merged before the node is known")
	}
	second := mustRender(t, render.Input{Bootstrap: bootstrapdata.Data{Format: bootstrapdata.FormatIgnition, Value: first}, Node: node("worker01", "10.150.0.171")})
	in.Node = node("worker01", "10.150.0.171")
	if diff := cmp.Diff(string(mustRender(t, in)), string(second)); diff != "" {
		t.Errorf("(-one step +two steps)\n%s", diff)
	}
}

func TestRender_passesForeignIgnitionThroughWithTheNodeLayer(t *testing.T) {
	foreign := `{"ignition":{"version":"3.1.0","config":{"merge":[{"source":"https://example.org/x.ign"}]}},"storage":{"files":[{"path":"/etc/foreign","contents":{"source":"data:,hello"}}]}}`
	got := mustRender(t, render.Input{Bootstrap: bootstrapdata.Data{Format: bootstrapdata.FormatIgnition, Value: []byte(foreign)}, Node: node("worker01", "10.150.0.171")})
	if fileText(t, got, "/etc/foreign") != "hello" || fileText(t, got, "/etc/hostname") != "worker01\n" {
		t.Errorf("got %s", got)
	}
	if !bytes.Contains(got, []byte(`"merge":[{"source":"https://example.org/x.ign"}]`)) || !bytes.Contains(got, []byte("--provider-id=libvirt://")) {
		t.Errorf("got %s", got)
	}
	if bytes.Contains(got, []byte("zincati")) {
		t.Error("nobody asked for a profile")
	}
}

func inline(t *testing.T, path, content string) string {
	t.Helper()
	return "    - inline: '{\"ignition\":{\"version\":\"3.2.0\"},\"storage\":{\"files\":[{\"path\":\"" + path + "\",\"overwrite\":true,\"contents\":{\"source\":\"data:," + content + "\"}}]}}'\n"
}

// TestRender_letsTheLastLayerOfTheUserWin: a config inside an earlier layer is a part of that layer, in both ways to a
// machine.
func TestRender_letsTheLastLayerOfTheUserWin(t *testing.T) {
	in := render.Input{Bootstrap: cloudConfig(t, cabpk.Worker), InstanceData: cloudconfig.InstanceData{Hostname: "worker01"}, UserLayers: []render.UserLayer{
		{Name: "butaneFrom[0]", Data: []byte(butaneHead + "ignition:\n  config:\n    merge:\n" + inline(t, "/etc/hostname", "first") + inline(t, "/etc/other", "other"))},
		mine,
	}}
	apart := mustRender(t, in)
	in.Node = node("worker01", "10.150.0.171")
	for name, got := range map[string][]byte{
		"in one step":  mustRender(t, in),
		"in two steps": mustRender(t, render.Input{Bootstrap: bootstrapdata.Data{Format: bootstrapdata.FormatIgnition, Value: apart}, Node: in.Node}),
	} {
		if host, other := fileText(t, got, "/etc/hostname"), fileText(t, got, "/etc/other"); host != "mine" || other != "other" {
			t.Errorf("%s: host name is %q, the other file %q", name, host, other)
		}
		if len(ignitiontest.Parse(t, got).Ignition.Config.Merge) > 0 {
			t.Errorf("%s: a config is inside", name)
		}
	}
}

func TestRender_letsTheUserDisableUnits(t *testing.T) {
	in := render.Input{Profile: &altcos.Profile{ImagePreload: altcos.PreloadArchives}, Bootstrap: cloudConfig(t, cabpk.Worker), InstanceData: cloudconfig.InstanceData{Hostname: "worker01"},
		UserLayers: []render.UserLayer{{Name: "butane", Data: []byte(butaneHead + "systemd:\n  units:\n  - name: " + altcos.PreloadUnit + "\n    enabled: false\n")}}}
	apart := mustRender(t, in)
	in.Node = node("worker01", "10.150.0.171")
	for name, got := range map[string][]byte{
		"in one step": mustRender(t, in), "before the node is known": apart,
		"in two steps": mustRender(t, render.Input{Bootstrap: bootstrapdata.Data{Format: bootstrapdata.FormatIgnition, Value: apart}, Node: in.Node}),
	} {
		for _, l := range ignitiontest.Parse(t, got).Storage.Links {
			if strings.HasSuffix(l.Path, altcos.PreloadUnit) {
				t.Errorf("%s: there is %s", name, l.Path)
			}
		}
	}
}

func TestRender_isStable(t *testing.T) {
	for _, kind := range []cabpk.Kind{cabpk.Init, cabpk.JoinCP, cabpk.Worker} {
		in := render.Input{Bootstrap: cloudConfig(t, kind), Node: node("n", "10.150.0.161"), UserLayers: []render.UserLayer{mine}}
		first := mustRender(t, in)
		for range 20 {
			if !bytes.Equal(first, mustRender(t, in)) {
				t.Fatalf("%s renders differently", kind)
			}
		}
	}
}

func TestRender_saysWhatIsWrongAndWhere(t *testing.T) {
	cloud := func(text string) bootstrapdata.Data {
		return bootstrapdata.Data{Format: bootstrapdata.FormatCloudConfig, Value: []byte("#cloud-config\n" + text)}
	}
	cases := map[string]struct {
		in   render.Input
		want string
	}{
		"the profile":      {render.Input{Profile: &altcos.Profile{ImagePreload: "x"}, Bootstrap: cloud("")}, "profile: imagePreload: must be Archives or None"},
		"the cloud-config": {render.Input{Bootstrap: cloud("foo: 1\n")}, "bootstrap data: line 2 column 1: has an unknown field; known are bootcmd, disk_setup, fs_setup, mounts, ntp, runcmd, users, write_files"},
		"the conversion":   {render.Input{Bootstrap: cloud("users: [{name: a, inactive: true}]\n")}, "bootstrap data: users[0].inactive: is not supported: Ignition cannot make an inactive user; use lock_passwd or an expiry command"},
		"a mount over the home of a user of the profile": {render.Input{Profile: &altcos.Profile{Users: []altcos.User{{Name: "ops"}}},
			Bootstrap: cloud("mounts: [[LABEL=a, /home/ops]]\n")}, "bootstrap data: mounts[0][1]: would hide a user's home directory, where Ignition writes SSH keys before anything is mounted"},
		"the node":         {render.Input{Bootstrap: cloud(""), Node: &altcos.Node{Hostname: "-"}}, "node: hostname: must be a host name of at most 63 characters"},
		"the user's layer": {render.Input{Bootstrap: cloud(""), UserLayers: []render.UserLayer{{Name: "spec.butane", Data: []byte(butaneHead + "foo: 1\n")}}}, "spec.butane: line 3 column 1: $.foo: unused key foo"},
		"a user's Secret":  {render.Input{Bootstrap: cloud(""), UserLayers: []render.UserLayer{{Name: "butaneFrom[0]", Data: []byte(butaneHead + "s3cr3t: 1\n"), Secret: true}}}, "butaneFrom[0]: line 3 column 1: is refused; details are left out, since the document is a Secret"},
		"inside a user's Secret": {render.Input{Bootstrap: cloud(""), UserLayers: []render.UserLayer{{Name: "butaneFrom[0]", Secret: true,
			Data: []byte(`{"ignition":{"version":"3.2.0","config":{"merge":[{"source":"data:,%7B%22s3cr3t%22:1%7D"}]}}}`)}}}, "butaneFrom[0]: is refused; details are left out, since the document is a Secret"},
		"a unit in the way": {render.Input{Bootstrap: cloud("runcmd: [a]\n"), Node: &altcos.Node{Hostname: "a"}, UserLayers: []render.UserLayer{{Name: "spec.butane",
			Data: []byte(butaneHead + "storage:\n  files:\n  - path: /etc/systemd/system/altcos-kubeadm.service\n")}}}, "spec.butane: $.storage.files.0.path: path conflicts with systemd unit or dropin"},
		"a replacement": {render.Input{Bootstrap: cloud(""), UserLayers: []render.UserLayer{{Name: "spec.butane",
			Data: []byte(butaneHead + "ignition:\n  config:\n    replace:\n      source: http://x/\n")}}}, "spec.butane: ignition.config.replace: would drop what makes this machine a node: use ignition.config.merge"},
		"an Ignition config": {render.Input{Bootstrap: bootstrapdata.Data{Format: bootstrapdata.FormatIgnition, Value: []byte(`{"ignition":{"version":"3.2.0"},"storage":{"files":[{"path":"x"}]}}`)}}, "bootstrap data: line 1 column 61: $.storage.files.0.path: path not absolute"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := render.Render(tc.in)
			found := problem.All(err)
			if len(found) == 0 || !render.IsInputError(err) {
				t.Fatalf("got %v, want a problem", err)
			}
			if got := found[0].Error(); got != tc.want {
				t.Errorf("\n got %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestRender_saysWhatIsTooBig(t *testing.T) {
	noise := make([]byte, 0, 300<<10)
	for i := uint32(1); len(noise) < cap(noise); i = i*1664525 + 1013904223 {
		noise = append(noise, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"[i>>26])
	}
	_, err := render.Render(render.Input{Bootstrap: bootstrapdata.Data{Format: bootstrapdata.FormatCloudConfig,
		Value: []byte("#cloud-config\nwrite_files: [{path: /etc/noise, content: " + string(noise) + "}]\n")}})
	var size *ignition.SizeError
	if !errors.As(err, &size) || size.Largest[0].Name != "file /etc/noise" || !render.IsInputError(err) {
		t.Errorf("got %.200v", err)
	}
}

func BenchmarkRender(b *testing.B) {
	in := render.Input{Profile: &altcos.Profile{ContainerStorage: altcos.ContainerStorage{Device: altcos.DeviceBySerial("data")}},
		Bootstrap: cloudConfig(b, cabpk.Init), Node: node("master01", "10.150.0.161"), UserLayers: []render.UserLayer{mine}}
	b.ReportAllocs()
	for b.Loop() {
		mustRender(b, in)
	}
}
