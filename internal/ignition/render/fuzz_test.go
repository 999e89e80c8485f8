// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"bytes"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	v3 "github.com/coreos/ignition/v2/config/v3_2"
	"github.com/coreos/ignition/v2/config/v3_2/types"
	"k8s.io/utils/ptr"

	"github.com/altcos/cluster-api-provider-altcos/internal/bootstrapdata"
	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/butane"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/fromcloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/ignitiontest"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/render"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
)

// profiles are those that a cloud-config may meet. They have things in common with the seeds of FuzzRender.
func profiles() []*altcos.Profile {
	return []*altcos.Profile{
		nil,
		manualProfile(cabpk.Init),
		{
			Users:         []altcos.User{{Name: "u0", PasswordHash: "$y$x", Groups: []string{"ops"}, Sudo: "ALL=(ALL) ALL"}, {Name: "adm"}, {Name: "b", Shell: "/bin/sh"}},
			NetworkPlugin: altcos.NetworkPlugin{None: true}, ShellProfile: altcos.ShellNone,
			ContainerStorage: altcos.ContainerStorage{Device: "/dev/pa", Label: "l0"},
		},
	}
}

// FuzzRender: whatever the cloud-config and the profile are, either it is refused with problems, or Ignition accepts the
// result, rendering again gives the same bytes, and all that the cloud-config asks for is in it.
func FuzzRender(f *testing.F) {
	for _, kind := range []cabpk.Kind{cabpk.Init, cabpk.JoinCP, cabpk.Worker} {
		f.Add(cloudConfig(f, kind).Value, "", uint8(1))
	}
	for seed := range uint8(9) {
		m := cabpk.NewGenerator(uint64(seed), nil).Machine([]cabpk.Kind{cabpk.Init, cabpk.JoinCP, cabpk.Worker}[seed%3])
		f.Add(m.CloudConfig(f), "", seed/3)
	}
	f.Add([]byte("#cloud-config\nmounts: [[/dev/vdb, /var/data, ext4]]\nbootcmd: [a]\nusers: [{name: b, groups: 'b, c'}]\nntp: {servers: [x]}\n"), butaneHead, uint8(2))
	f.Add([]byte("#cloud-config\nwrite_files: [{path: /etc/a, content: b}, {path: /etc/hosts, append: true, content: c}]\nruncmd: [d]\n"), string(mine.Data), uint8(2))
	f.Fuzz(func(t *testing.T, data []byte, user string, profile uint8) {
		in := render.Input{Bootstrap: bootstrapdata.Data{Format: bootstrapdata.FormatCloudConfig, Value: data}, Node: node("n", "10.150.0.161")}
		in.Profile = profiles()[int(profile)%len(profiles())]
		if user != "" {
			in.UserLayers = []render.UserLayer{{Name: "user", Data: []byte(user)}}
		}
		checkRender(t, in)
	})
}

// TestRender_losesNothing is FuzzRender with generated machines.
func TestRender_losesNothing(t *testing.T) {
	for seed := range uint64(90) {
		kind := []cabpk.Kind{cabpk.Init, cabpk.JoinCP, cabpk.Worker}[seed%3]
		data := bootstrapdata.Data{Format: bootstrapdata.FormatCloudConfig, Value: cabpk.NewGenerator(seed, nil).Machine(kind).CloudConfig(t)}
		in := render.Input{Profile: profiles()[seed/3%3], Bootstrap: data, Node: node("n", "10.150.0.161")}
		if !checkRender(t, in) || t.Failed() {
			t.Fatalf("machine %d\n%s", seed, data.Value)
		}
	}
}

func checkRender(t *testing.T, in render.Input) (accepted bool) {
	t.Helper()
	got, err := render.Render(in)
	if err != nil {
		if !render.IsInputError(err) {
			t.Fatalf("no problem in %v", err)
		}
		return false
	}
	again, err := render.Render(in)
	if err != nil || !bytes.Equal(got, again) {
		t.Fatalf("second time: %v", err)
	}
	cfg, err := cloudconfig.Parse(in.Bootstrap.Value, cloudconfig.InstanceData{Hostname: "n", InstanceID: "6f1d3c3e-0000-4000-8000-000000000161", LocalIPv4: "10.150.0.161"})
	assert.NoError(t, err)
	result, err := fromcloudconfig.Convert(cfg)
	assert.NoError(t, err)
	rendered, _, err := v3.Parse(got) // warnings are the user's own
	assert.NoError(t, err)
	for _, lost := range missing(withoutUsers(t, result.Layer.Config, in.UserLayers), rendered) {
		t.Errorf("%s is lost", lost)
	}
	if len(in.UserLayers) == 0 {
		checkCommands(t, cfg.RunCmd, rendered)
	}
	return true
}

func checkCommands(t *testing.T, commands []string, rendered types.Config) {
	t.Helper()
	if len(commands) == 0 {
		return
	}
	for _, f := range rendered.Storage.Files {
		if f.Path == altcos.StateDir+"/bootstrap.sh" {
			if n := strings.Count(strings.ReplaceAll(ignitiontest.Contents(t, f.Contents), "\naltcos_join '", "\neval '"), "\neval '"); n < len(commands) {
				t.Errorf("%d commands are missing", len(commands)-n)
			}
			return
		}
	}
	t.Error("there is no script")
}

// withoutUsers is c without what the user's layers have a say in.
func withoutUsers(t *testing.T, c types.Config, layers []render.UserLayer) types.Config {
	t.Helper()
	theirs := map[string]bool{}
	for _, l := range layers {
		own, err := butane.Layers(l.Name, l.Data, ignition.NewFlattener())
		assert.NoError(t, err)
		for _, o := range own {
			each(&o.Config, func(key string) bool { theirs[key] = true; return true })
		}
	}
	each(&c, func(key string) bool { return !theirs[key] && !theirs[path.Base(key)] })
	return c
}

// each keeps of c what keep selects by its name, path or device.
func each(c *types.Config, keep func(key string) bool) {
	c.Storage.Files = kept(c.Storage.Files, keep)
	c.Storage.Directories = kept(c.Storage.Directories, keep)
	c.Storage.Links = kept(c.Storage.Links, keep)
	c.Storage.Disks = kept(c.Storage.Disks, keep)
	c.Storage.Filesystems = kept(c.Storage.Filesystems, keep)
	c.Systemd.Units = kept(c.Systemd.Units, keep)
	c.Passwd.Users = kept(c.Passwd.Users, keep)
	c.Passwd.Groups = kept(c.Passwd.Groups, keep)
}

func kept[T interface{ Key() string }](list []T, keep func(string) bool) []T {
	return slices.DeleteFunc(slices.Clone(list), func(item T) bool { return !keep(item.Key()) })
}

// missing lists what want has and got has not, or has otherwise. got may have more.
func missing(want, got types.Config) []string {
	var out []string
	for _, f := range want.Storage.Files { // what is added comes in one piece and in order
		i := slices.IndexFunc(got.Storage.Files, func(g types.File) bool { return g.Path == f.Path })
		if i >= 0 && !strings.Contains(sources(got.Storage.Files[i].Append), sources(f.Append)) {
			out = append(out, "what is added to "+f.Path)
		}
	}
	compare := func(want, got any) {
		w, g := reflect.ValueOf(want), reflect.ValueOf(got)
		for i := range w.Len() {
			if !inside(w.Index(i), g) {
				out = append(out, w.Index(i).Type().Name()+" "+w.Index(i).Interface().(interface{ Key() string }).Key())
			}
		}
	}
	compare(want.Storage.Files, got.Storage.Files)
	compare(want.Storage.Directories, got.Storage.Directories)
	compare(want.Storage.Links, got.Storage.Links)
	compare(want.Storage.Disks, got.Storage.Disks)
	compare(want.Storage.Filesystems, got.Storage.Filesystems)
	compare(want.Systemd.Units, got.Systemd.Units)
	compare(want.Passwd.Users, got.Passwd.Users)
	compare(want.Passwd.Groups, got.Passwd.Groups)
	return out
}

func sources(list []types.Resource) string {
	text := ""
	for _, r := range list {
		text += ptr.Deref(r.Compression, "") + " " + ptr.Deref(r.Source, "") + "\n"
	}
	return text
}

// inside reports whether an item of list has all of want.
func inside(want, list reflect.Value) bool {
	for i := range list.Len() {
		if holdsAll(want, list.Index(i)) {
			return true
		}
	}
	return false
}

// holdsAll reports whether got is want where want has a value.
func holdsAll(want, got reflect.Value) bool {
	switch want.Kind() {
	case reflect.Pointer:
		return want.IsNil() || !got.IsNil() && holdsAll(want.Elem(), got.Elem())
	case reflect.Struct:
		for i := range want.NumField() {
			if !holdsAll(want.Field(i), got.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice:
		for i := range want.Len() {
			if !inside(want.Index(i), got) {
				return false
			}
		}
		return true
	default:
		return want.Equal(got)
	}
}

func TestMissing_seesWhatIsLost(t *testing.T) {
	m := cabpk.NewGenerator(3, nil).Machine(cabpk.Init)
	cfg, err := cloudconfig.Parse(m.CloudConfig(t), cloudconfig.InstanceData{})
	assert.NoError(t, err)
	result, err := fromcloudconfig.Convert(cfg)
	assert.NoError(t, err)
	whole := result.Layer.Config
	if lost := missing(whole, whole); len(lost) > 0 {
		t.Errorf("it loses %q to itself", lost)
	}
	var names []string
	each(&whole, func(key string) bool { names = append(names, key); return true })
	for _, name := range names {
		less := whole
		each(&less, func(key string) bool { return key != name })
		if len(missing(whole, less)) == 0 {
			t.Errorf("nobody misses %s", name)
		}
	}
	owned := types.Config{Storage: types.Storage{Files: []types.File{{Node: types.Node{Path: "/x", User: types.NodeUser{ID: new(1)}},
		FileEmbedded1: types.FileEmbedded1{Append: []types.Resource{{Source: new("data:,a")}, {Source: new("data:,b")}}}}}}}
	other := types.Config{Storage: types.Storage{Files: []types.File{{Node: types.Node{Path: "/x", User: types.NodeUser{ID: new(2)}},
		FileEmbedded1: types.FileEmbedded1{Append: []types.Resource{{Source: new("data:,b")}, {Source: new("data:,a")}}}}}}}
	assert.Equal(t, []string{"what is added to /x", "File /x"}, missing(owned, other))
}
