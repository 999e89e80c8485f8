// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudconfig_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_2/types"
	"github.com/google/go-cmp/cmp"
	"github.com/vincent-petithory/dataurl"

	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/fromcloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/ignitiontest"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
)

var kinds = []cabpk.Kind{cabpk.Init, cabpk.JoinCP, cabpk.Worker}

// TestConvert_expressesAllThatCABPKWrites: the Ignition config of a generated machine is what the model says, with every field
// of every file, user, command, disk, file system and mount in its place, and with nothing else.
func TestConvert_expressesAllThatCABPKWrites(t *testing.T) {
	script := newSkeleton(t)
	for seed := range uint64(300) {
		kind := kinds[seed%3]
		m := cabpk.NewGenerator(seed, tagNames()).Machine(kind)
		if !checkMachine(t, m, script) {
			t.Fatalf("machine %d\n%s", seed, m.CloudConfig(t))
		}
	}
}

// FuzzConvert_expressesAllThatCABPKWrites is the same with as many machines as there is time for.
func FuzzConvert_expressesAllThatCABPKWrites(f *testing.F) {
	script := newSkeleton(f)
	f.Add(uint64(0), uint8(0))
	f.Fuzz(func(t *testing.T, seed uint64, kind uint8) {
		checkMachine(t, cabpk.NewGenerator(seed, tagNames()).Machine(kinds[kind%3]), script)
	})
}

func checkMachine(t *testing.T, m cabpk.Machine, script skeleton) (ok bool) {
	t.Helper()
	cfg, err := cloudconfig.Parse(m.CloudConfig(t), names)
	if err != nil {
		t.Errorf("parse: %v", err)
		return false
	}
	got, err := fromcloudconfig.Convert(cfg)
	if err != nil {
		t.Errorf("convert: %v", err)
		return false
	}
	ignitiontest.Check(t, got.Layer)
	role := fromcloudconfig.RoleJoin
	if m.Kind == cabpk.Init {
		role = fromcloudconfig.RoleInit
	}
	if got.Role != role {
		t.Errorf("role %q, want %q", got.Role, role)
	}
	return equal(t, newModel(wishOf(t, m), script), got.Layer.Config) && !t.Failed()
}

// FuzzConvert: what is accepted of any text is converted as the model says for what another YAML library reads in it.
func FuzzConvert(f *testing.F) {
	script := newSkeleton(f)
	for seed := range uint64(12) {
		f.Add(cabpk.NewGenerator(seed, nil).Machine(kinds[seed%3]).CloudConfig(f))
	}
	f.Add([]byte("#cloud-config\nmounts: [['LABEL=0', '//0/.'], [/dev/x, /opt, ext4, 'nofail', '0', '0']]\nruncmd: [a]\n"))
	f.Add([]byte("#cloud-config\nwrite_files: [{path: /a, encoding: gz, content: }, {path: //a/b, append: true, owner: '1:b', permissions: 7}, {path: /run/a}]\n"))
	f.Add([]byte("#cloud-config\nusers: [{name: a, groups: 'b,,c ', sudo: no, lock_passwd: false, passwd: x}]\nntp: {servers: [a]}\nbootcmd: [\"\"]\n"))
	f.Add([]byte("#cloud-config\ndisk_setup: {/dev/a: {table_type: gpt, layout: [[100, 8e]]}}\nfs_setup: [{device: /dev/a, filesystem: ext4, label: l}]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := cloudconfig.Parse(data, names)
		if err != nil {
			return // FuzzParse looks at these
		}
		got, err := fromcloudconfig.Convert(cfg)
		if err != nil {
			for _, p := range problem.All(err) {
				if p.Path == "" || p.Reason == "" {
					t.Errorf("a problem without path or reason: %v", p)
				}
			}
			if len(problem.All(err)) == 0 {
				t.Errorf("no problem: %v", err)
			}
			return
		}
		if plain, ok := cabpk.Plainly(data); ok {
			equal(t, newModel(wishOfText(plain), script), got.Layer.Config)
		}
	})
}

func equal(t *testing.T, m *model, got types.Config) bool {
	t.Helper()
	want := m.config()
	if m.unsure {
		return true
	}
	if diff := cmp.Diff(want, plainly(t, got, m.byMeaning)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
		return false
	}
	return true
}

// plainly is c with contents as the model has them.
func plainly(t *testing.T, c types.Config, byMeaning map[string]bool) types.Config {
	t.Helper()
	files := make([]types.File, len(c.Storage.Files))
	for i, f := range c.Storage.Files {
		f.Contents = unpacked(t, f.Contents)
		if byMeaning[f.Path] {
			docs, _ := documents((*f.Contents.Source)[len("data:,"):])
			f.Contents = plain(asJSON(docs))
		}
		var added []types.Resource
		for _, r := range f.Append {
			added = append(added, unpacked(t, r))
		}
		f.Append = added
		files[i] = f
	}
	c.Storage.Files = files
	if len(files) == 0 {
		c.Storage.Files = nil
	}
	return c
}

func unpacked(t *testing.T, r types.Resource) types.Resource {
	t.Helper()
	if r.Source == nil {
		return r
	}
	u, err := dataurl.DecodeString(*r.Source)
	assert.NoError(t, err)
	content := u.Data
	if r.Compression != nil {
		zr, err := gzip.NewReader(bytes.NewReader(content))
		assert.NoError(t, err)
		if content, err = io.ReadAll(zr); err != nil {
			t.Fatal(err)
		}
	}
	r.Source, r.Compression = plain(string(content)).Source, nil
	return r
}
