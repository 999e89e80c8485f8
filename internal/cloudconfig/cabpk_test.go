// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cloudconfig_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	"sigs.k8s.io/cluster-api/bootstrap/kubeadm/pkg/cloudinit"

	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
)

func zip(tb testing.TB, content []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		tb.Fatal(err)
	}
	assert.NoError(tb, w.Close())
	return b.Bytes()
}

// everything sets every field that CABPK writes into a cloud-config.
func everything(tb testing.TB) cloudinit.BaseUserData {
	tb.Helper()
	zipped := base64.StdEncoding.EncodeToString(zip(tb, []byte("zipped\n")))
	return cloudinit.BaseUserData{
		BootCommands:        []string{"echo 'boot'", "tab\there"},
		PreKubeadmCommands:  []string{`echo "pre" 'x' \ $HOME`, "two\nlines"},
		PostKubeadmCommands: []string{"echo post"},
		KubeadmVerbosity:    "--v 5",
		AdditionalFiles: []bootstrapv1.File{
			{Path: "/etc/plain", Owner: "root:root", Permissions: "0640", Append: new(true), Content: "a\nb\n"},
			{Path: "/etc/b64", Encoding: bootstrapv1.Base64, Permissions: "0600", Content: "aGVsbG8K"},
			{Path: "/etc/zipped", Encoding: bootstrapv1.GzipBase64, Content: zipped},
		},
		Users: []bootstrapv1.User{{
			Name: "core", Passwd: "$6$x", Gecos: "Some One", Groups: "wheel, docker", HomeDir: "/var/home/core", Inactive: new(false),
			LockPassword: new(false), Shell: "/bin/bash", PrimaryGroup: "core", Sudo: "ALL=(ALL) NOPASSWD:ALL",
			SSHAuthorizedKeys: []string{"ssh-ed25519 AAAA a@b"},
		}, {Name: "plain"}},
		NTP: &bootstrapv1.NTP{Enabled: new(true), Servers: []string{"pool.ntp.org", "10.0.0.1"}},
		DiskSetup: &bootstrapv1.DiskSetup{
			Partitions: []bootstrapv1.Partition{
				{Device: "/dev/vdb", TableType: "gpt", Layout: new(true), Overwrite: new(true)},
				{Device: "/dev/vdc", DiskLayout: []bootstrapv1.PartitionSpec{{Percentage: 30, PartitionType: bootstrapv1.PartitionTypeNTFS}, {Percentage: 70}}},
			},
			Filesystems: []bootstrapv1.Filesystem{{
				Device: "/dev/vdb", Filesystem: "ext4", Label: "etcd", Partition: "1", Overwrite: new(false), ReplaceFS: "ntfs",
				ExtraOpts: []string{"-E", "lazy_itable_init=1"},
			}},
		},
		Mounts: []bootstrapv1.MountPoints{{"LABEL=etcd", "/var/lib/etcd"}, {"/dev/vdc1", "/srv/x", "ext4", "noatime,nofail"}},
	}
}

func TestParse_readsEverythingThatCABPKWrites(t *testing.T) {
	for _, kind := range []cabpk.Kind{cabpk.Init, cabpk.JoinCP, cabpk.Worker} {
		t.Run(string(kind), func(t *testing.T) {
			data := cabpk.Render(t, kind, everything(t), bootstrapv1.NodeRegistrationOptions{Name: "{{ ds.meta_data.hostname }}"})
			got, err := cloudconfig.Parse(data, cloudconfig.InstanceData{Hostname: "master01"})
			assert.NoError(t, err)
			checkFiles(t, kind, got)
			want := wanted(kind)
			want.WriteFiles = got.WriteFiles
			assert.Equal(t, want, got)
		})
	}
}

func wanted(kind cabpk.Kind) *cloudconfig.Config {
	kubeadm := "kubeadm join --config /run/kubeadm/kubeadm-join-config.yaml --v 5 && echo success > /run/cluster-api/bootstrap-success.complete"
	if kind == cabpk.Init {
		kubeadm = "kubeadm init --config /run/kubeadm/kubeadm.yaml --v 5 && echo success > /run/cluster-api/bootstrap-success.complete"
	}
	return &cloudconfig.Config{
		BootCmd: []string{"echo 'boot'", "tab\there"},
		RunCmd:  []string{`echo "pre" 'x' \ $HOME`, "two\nlines", kubeadm, "echo post"},
		NTP:     &cloudconfig.NTP{Enabled: new(true), Servers: []string{"pool.ntp.org", "10.0.0.1"}},
		Users: []cloudconfig.User{{
			Name: "core", PasswordHash: "$6$x", Gecos: "Some One", Groups: []string{"wheel", "docker"}, HomeDir: "/var/home/core",
			Inactive: new(false), LockPassword: new(false), Shell: "/bin/bash", PrimaryGroup: "core", Sudo: "ALL=(ALL) NOPASSWD:ALL",
			SSHAuthorizedKeys: []string{"ssh-ed25519 AAAA a@b"},
		}, {Name: "plain"}},
		Disks: []cloudconfig.Disk{
			{Device: "/dev/vdb", TableType: "gpt", WholeDisk: new(true), Overwrite: new(true)},
			{Device: "/dev/vdc", Partitions: []cloudconfig.Partition{{Percent: 30, Type: "07"}, {Percent: 70}}, TableType: ""},
		},
		Filesystems: []cloudconfig.Filesystem{{
			Device: "/dev/vdb", Format: "ext4", Label: "etcd", Partition: "1", Overwrite: new(false), ReplaceFS: "ntfs",
			Options: []string{"-E", "lazy_itable_init=1"},
		}},
		Mounts: []cloudconfig.Mount{{"LABEL=etcd", "/var/lib/etcd"}, {"/dev/vdc1", "/srv/x", "ext4", "noatime,nofail"}},
	}
}

func checkFiles(t *testing.T, kind cabpk.Kind, got *cloudconfig.Config) {
	t.Helper()
	files := map[string]cloudconfig.File{}
	for _, f := range got.WriteFiles {
		files[f.Path] = f
	}
	want := map[string]cloudconfig.File{
		"/etc/plain":  {Path: "/etc/plain", Owner: "root:root", Mode: new(0o640), Append: true, Content: []byte("a\nb\n")},
		"/etc/b64":    {Path: "/etc/b64", Mode: new(0o600), Content: []byte("hello\n")},
		"/etc/zipped": {Path: "/etc/zipped", Content: []byte("zipped\n")},
	}
	for path, w := range want {
		if diff := cmp.Diff(w, files[path]); diff != "" {
			t.Errorf("%s (-want +got)\n%s", path, diff)
		}
	}
	name := "/run/kubeadm/kubeadm-join-config.yaml"
	if kind == cabpk.Init {
		name = "/run/kubeadm/kubeadm.yaml"
	}
	if !strings.Contains(string(files[name].Content), "name: 'master01'") {
		t.Errorf("%s does not hold the host name:\n%s", name, files[name].Content)
	}
}
