// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cloudconfig_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"path"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
)

// FuzzParse: no input panics or hangs, every error is a list of problems, and what is accepted is all there: another
// YAML library reads the same in it.
func FuzzParse(f *testing.F) {
	f.Add([]byte(jinja + "runcmd: ['{{ v1.instance_id }}']\nntp:\n  servers:\n"))
	f.Add([]byte(header + "users:\n- name: a\n  groups: b, c\ndisk_setup:\n  /dev/vdb: {table_type: gpt, layout: [[100, 8e]]}\n"))
	f.Add([]byte(header + "write_files:\n- path: /x\n  encoding: gzip+base64\n  content: H4sIAAAAAAAAAwMAAAAAAAAAAAA=\n"))
	f.Add([]byte(header + "mounts:\n- - a\n  - /b\nfs_setup:\n- {label: , device: /dev/x, extra_opts: [-E]}\n"))
	for seed, kind := range []cabpk.Kind{cabpk.Init, cabpk.JoinCP, cabpk.Worker, cabpk.Init, cabpk.JoinCP, cabpk.Worker} {
		f.Add(cabpk.NewGenerator(uint64(seed), nil).Machine(kind).CloudConfig(f))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := cloudconfig.Parse(data, cloudconfig.InstanceData{Hostname: "h", InstanceID: "i"})
		if (cfg == nil) == (err == nil) {
			t.Fatalf("got %v and %v", cfg, err)
		}
		if err != nil {
			if len(problem.All(err)) == 0 {
				t.Fatalf("no problem in %v", err)
			}
			return
		}
		total := 0
		for _, file := range cfg.WriteFiles {
			total += len(file.Content)
		}
		if total > cloudconfig.MaxDecoded+2*cloudconfig.MaxInput {
			t.Fatalf("contents are %d bytes", total)
		}
		checkAgainstPlain(t, data, cfg)
	})
}

func TestParse_agreesWithAnotherLibraryAboutWhatCABPKWrites(t *testing.T) {
	for seed := range uint64(150) {
		data := cabpk.NewGenerator(seed, nil).Machine([]cabpk.Kind{cabpk.Init, cabpk.JoinCP, cabpk.Worker}[seed%3]).CloudConfig(t)
		cfg, err := cloudconfig.Parse(data, cloudconfig.InstanceData{})
		if err != nil {
			t.Fatalf("machine %d: %v\n%s", seed, err, data)
		}
		if !checkAgainstPlain(t, data, cfg) || t.Failed() {
			t.Fatalf("machine %d\n%s", seed, data)
		}
	}
}

// checkAgainstPlain compares all lists, and all their items, with a plain decode by another library; it returns false
// when that library does not take the document.
func checkAgainstPlain(t *testing.T, data []byte, got *cloudconfig.Config) (compared bool) {
	t.Helper()
	plain, ok := cabpk.Plainly(data)
	if !ok {
		return false
	}
	want := &cloudconfig.Config{BootCmd: plain.BootCmd, RunCmd: plain.RunCmd}
	if plain.NTP != nil {
		want.NTP = &cloudconfig.NTP{Enabled: plain.NTP.Enabled, Servers: plain.NTP.Servers}
	}
	for _, f := range plain.WriteFiles {
		want.WriteFiles = append(want.WriteFiles, cloudconfig.File{Path: path.Clean(f.Path), Owner: f.Owner, Append: f.Append, Mode: octal(t, f.Permissions), Content: decoded(t, f)})
	}
	for _, u := range plain.Users {
		user := cloudconfig.User{Name: u.Name, PasswordHash: u.Passwd, Gecos: u.Gecos, HomeDir: u.Homedir, Shell: u.Shell, PrimaryGroup: u.PrimaryGroup, Sudo: u.Sudo,
			Inactive: u.Inactive, LockPassword: u.LockPasswd, SSHAuthorizedKeys: u.SSHAuthorizedKeys}
		for group := range strings.SplitSeq(u.Groups, ",") {
			if group = strings.TrimSpace(group); group != "" {
				user.Groups = append(user.Groups, group)
			}
		}
		want.Users = append(want.Users, user)
	}
	for _, d := range plain.DiskSetup {
		disk := cloudconfig.Disk{Device: d.Device, TableType: d.TableType, Overwrite: d.Overwrite, WholeDisk: d.Layout.Whole}
		for _, p := range d.Layout.Partitions {
			percent, _ := strconv.Atoi(p[0])
			disk.Partitions = append(disk.Partitions, cloudconfig.Partition{Percent: percent, Type: strings.Join(p[1:], "")})
		}
		want.Disks = append(want.Disks, disk)
	}
	for _, f := range plain.FSSetup {
		want.Filesystems = append(want.Filesystems, cloudconfig.Filesystem{Label: f.Label, Format: f.Filesystem, Device: f.Device, Partition: f.Partition,
			ReplaceFS: f.ReplaceFS, Overwrite: f.Overwrite, Options: f.ExtraOpts})
	}
	for _, m := range plain.Mounts {
		want.Mounts = append(want.Mounts, m)
	}
	// an absent list is an empty list, and a file without content is an empty file
	if diff := cmp.Diff(want, got, cmp.FilterValues(func(a, b []string) bool { return len(a)+len(b) == 0 }, cmp.Ignore()),
		cmp.FilterValues(func(a, b []byte) bool { return len(a)+len(b) == 0 }, cmp.Ignore())); diff != "" {
		t.Errorf("(-another library +got)\n%s", diff)
	}
	return true
}

func octal(t *testing.T, s string) *int {
	t.Helper()
	if s == "" {
		return nil
	}
	v, err := strconv.ParseInt(strings.TrimPrefix(s, "0o"), 8, 32)
	if err != nil {
		t.Errorf("permissions %q were accepted", s)
	}
	mode := int(v)
	return &mode
}

func decoded(t *testing.T, f cabpk.PlainFile) []byte {
	t.Helper()
	if f.Content == "" {
		return nil // without content there is nothing to unpack
	}
	content := []byte(f.Content)
	var err error
	if strings.Contains(f.Encoding, "64") {
		content, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(f.Content), ""))
	}
	if strings.HasPrefix(f.Encoding, "gz") && err == nil {
		var zr *gzip.Reader
		if zr, err = gzip.NewReader(bytes.NewReader(content)); err == nil {
			content, err = io.ReadAll(zr)
		}
	}
	if err != nil {
		t.Errorf("content of %s was accepted: %v", f.Path, err)
	}
	return content
}
