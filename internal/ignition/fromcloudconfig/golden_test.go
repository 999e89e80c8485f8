// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudconfig_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"testing"

	"github.com/blang/semver/v4"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"

	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/fromcloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/ignitiontest"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
	"github.com/altcos/cluster-api-provider-altcos/test/golden"
)

// everything sets every field of a KubeadmConfigSpec that Ignition can express. File owners exist in the root that
// test/firstboot applies the goldens to.
func everything(tb testing.TB) bootstrapv1.KubeadmConfigSpec {
	tb.Helper()
	registration := bootstrapv1.NodeRegistrationOptions{
		Name: "{{ ds.meta_data.hostname }}", KubeletExtraArgs: []bootstrapv1.Arg{{Name: "v", Value: new("3")}}, IgnorePreflightErrors: []string{"Swap"},
	}
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := w.Write([]byte("zipped\n")); err != nil {
		tb.Fatal(err)
	}
	assert.NoError(tb, w.Close())
	s := bootstrapv1.KubeadmConfigSpec{
		BootCommands:        []string{"echo 'boot'", "echo {{ v1.instance_id }}"},
		PreKubeadmCommands:  []string{`echo "pre" 'x' \ $HOME`, "two\nlines", "echo {% raw %}${#a} {{ go }}{% endraw %}"},
		PostKubeadmCommands: []string{"echo post"},
		Verbosity:           new(int32(5)),
		Files: []bootstrapv1.File{
			{Path: "/etc/plain", Owner: "root:root", Permissions: "0640", Content: "a\n  b\n"},
			{Path: "/etc/hosts", Append: new(true), Content: "10.150.0.160 endpoint\n"},
			{Path: "/etc/motd", Append: new(true), Permissions: "0600", Owner: "altcos", Content: "hello\n"},
			{Path: "/etc/b64", Owner: "altcos:wheel", Permissions: "600", Encoding: bootstrapv1.Base64, Content: base64.StdEncoding.EncodeToString([]byte("packed\n"))},
			{Path: "/opt/zipped", Owner: "0:10", Encoding: bootstrapv1.GzipBase64, Content: base64.StdEncoding.EncodeToString(zipped.Bytes())},
			{Path: "/etc/journal", Owner: "root:systemd-journal", Permissions: "0640", Content: "for a group that Ignition does not find\n"},
			{Path: "/usr/local/bin/tool", Permissions: "0755", Content: "#!/bin/sh\n"},
			{Path: "/run/tmp/plain", Owner: "etcd:etcd", Permissions: "0600", Content: "gone after a boot\n"},
			{Path: "/run/tmp/plain", Append: new(true), Content: "more\n"},
			{Path: "/tmp/b64", Encoding: bootstrapv1.Base64, Content: "aGVsbG8K"},
		},
		Users: []bootstrapv1.User{
			{Name: "core", Passwd: "$6$salt$hash", Gecos: "Some One, room 5", Groups: "wheel, devs", HomeDir: "/var/home/core", Inactive: new(false),
				LockPassword: new(false), Shell: "/bin/bash", PrimaryGroup: "staff", Sudo: "ALL=(ALL) NOPASSWD:ALL",
				SSHAuthorizedKeys: []string{"ssh-ed25519 AAAA a@b", `from="10.0.0.0/8" ssh-ed25519 BBBB`}},
			{Name: "devs", Passwd: "$6$salt$locked"},
			{Name: "plain", Sudo: "false"},
		},
		NTP: bootstrapv1.NTP{Enabled: new(true), Servers: []string{"pool.ntp.example", "10.0.0.1", "fd00::1"}},
		DiskSetup: bootstrapv1.DiskSetup{
			Partitions: []bootstrapv1.Partition{
				{Device: "/dev/sdb", TableType: "gpt", Layout: new(true), Overwrite: new(true)},
				{Device: "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_logs", TableType: "gpt", DiskLayout: []bootstrapv1.PartitionSpec{{Percentage: 100, PartitionType: "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"}}},
				{Device: "/dev/sdd", TableType: "gpt", DiskLayout: []bootstrapv1.PartitionSpec{{Percentage: 100, PartitionType: bootstrapv1.PartitionTypeLVM}}},
				{Device: "/dev/sde", TableType: "mbr", Layout: new(false)},
			},
			Filesystems: []bootstrapv1.Filesystem{
				{Device: "/dev/sdb", Filesystem: "ext4", Label: "etcd", Partition: "auto", Overwrite: new(true), ExtraOpts: []string{"-E", "lazy_itable_init=1,lazy_journal_init=1"}},
				{Device: "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_logs", Filesystem: "xfs", Label: "logs", Partition: "1", Overwrite: new(false)},
				{Device: "/dev/sde", Filesystem: "btrfs", Partition: "none"},
			},
		},
		Mounts: []bootstrapv1.MountPoints{
			{"LABEL=etcd", "/var/lib/etcd"},
			{"logs", "/var/log/audit", "xfs", "noatime,nofail"},
			{"/dev/sde", "/opt/data", "btrfs", "noauto,compress=zstd", "0", "0"},
			{"nfs.example:/srv/share", "/srv/share", "nfs4", "ro,nofail,_netdev", "0", "0"},
			{"UUID=0a1b-2c3d", "/mnt/more", "auto", "defaults", "0", "2"},
		},
	}
	s.ClusterConfiguration.ControlPlaneEndpoint = "10.150.0.160:8443"
	s.InitConfiguration.NodeRegistration, s.JoinConfiguration.NodeRegistration = registration, registration
	s.JoinConfiguration.Discovery.BootstrapToken = bootstrapv1.BootstrapTokenDiscovery{
		Token: "abcdef.0123456789abcdef", APIServerEndpoint: "10.150.0.160:8443",
		CACertHashes: []string{"sha256:0000000000000000000000000000000000000000000000000000000000000000"},
	}
	return s
}

// The goldens are for people to read (.txt), and for Ignition's own programs to accept and apply (.ign, in
// test/firstboot): the rest is checked by no other program.
func TestConvert_matchesGoldenForEverythingAtOnce(t *testing.T) {
	for name, kind := range map[string]cabpk.Kind{"init": cabpk.Init, "join-controlplane": cabpk.JoinCP, "worker": cabpk.Worker} {
		t.Run(name, func(t *testing.T) {
			m := cabpk.Machine{Kind: kind, Version: semver.MustParse("1.34.3"), Spec: everything(t)}
			cfg, err := cloudconfig.Parse(m.CloudConfig(t), names)
			assert.NoError(t, err)
			result, err := fromcloudconfig.Convert(cfg)
			assert.NoError(t, err)
			got, err := ignition.Encode(ignition.Merge(result.Layer))
			assert.NoError(t, err)
			golden.Assert(t, got, "testdata/everything-"+name+".golden.ign")
			golden.Assert(t, ignitiontest.FullText(t, ignitiontest.Parse(t, got)), "testdata/everything-"+name+".golden.txt")
		})
	}
}
