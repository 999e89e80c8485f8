// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudconfig_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_2/types"

	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/fromcloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/ignitiontest"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

const header = "#cloud-config\n"

func convert(tb testing.TB, text string) (fromcloudconfig.Result, error) {
	tb.Helper()
	cfg, err := cloudconfig.Parse([]byte(header+text), cloudconfig.InstanceData{})
	if err != nil {
		tb.Fatalf("parse: %v", err)
	}
	return fromcloudconfig.Convert(cfg)
}

// layer converts text and requires that Ignition accepts the result.
func layer(tb testing.TB, text string) types.Config {
	tb.Helper()
	got, err := convert(tb, text)
	assert.NoError(tb, err)
	ignitiontest.Check(tb, got.Layer)
	return got.Layer.Config
}

func TestConvert_refusesWhatIgnitionCannotExpress(t *testing.T) {
	cases := map[string]struct{ in, want string }{
		"an inactive user":               {"users: [{name: a, inactive: true}]", "users[0].inactive: is not supported: Ignition cannot make an inactive user; use lock_passwd or an expiry command"},
		"a user name of useradd's dread": {"users: [{name: 'A B'}]", "users[0].name: is not a valid user name"},
		"a user who is there twice":      {"users: [{name: a}, {name: a}]", "users[1].name: is duplicated"},
		"a gecos with a colon":           {"users: [{name: a, gecos: 'x:y'}]", "users[0].gecos: must not contain a colon or a line break"},
		"a sudo rule of two lines":       {"users: [{name: a, sudo: \"x\\ny\"}]", "users[0].sudo: must be one line of sudoers without the user's name, such as ALL=(ALL) NOPASSWD: ALL"},
		"a sudo rule without a host":     {"users: [{name: a, sudo: 'yes'}]", "users[0].sudo: must be one line of sudoers without the user's name, such as ALL=(ALL) NOPASSWD: ALL"},
		"a key of two lines":             {"users: [{name: a, ssh_authorized_keys: [\"x\\ny\"]}]", "users[0].ssh_authorized_keys[0]: must be one line of authorized_keys"},
		"an owner with blanks":           {"write_files: [{path: /x, owner: 'a b'}]", "write_files[0].owner: must be user or user:group"},
		"a setuid file":                  {"write_files: [{path: /x, permissions: '4755'}]", "write_files[0].permissions: must have no setuid, setgid and sticky bits, which Ignition 3.2.0 cannot set; set them in a command"},
		"a file on the read-only system": {"write_files: [{path: /usr/bin/x}]", "write_files[0].path: is on the read-only part of the system; /usr/local, /opt, /etc and /var are writable"},
		"a file of the provider's":       {"write_files: [{path: /var/lib/altcos-bootstrap/x}]", "write_files[0].path: is in the provider's own directory /var/lib/altcos-bootstrap; choose another place"},
		"a file in sysfs":                {"write_files: [{path: /sys/x}]", "write_files[0].path: is not a place for files; write there in a command"},
		"an MBR disk":                    {"disk_setup: {/dev/vdb: {table_type: mbr, layout: true}}", "disk_setup[0].table_type: must be gpt, which is all that Ignition writes; cloud-init would default to mbr"},
		"two partitions":                 {"disk_setup: {/dev/vdb: {table_type: gpt, layout: [50, 50]}}", "disk_setup[0].layout: must be one partition of 100 percent, since Ignition does not know the size of the disk"},
		"an extended partition":          {"disk_setup: {/dev/vdb: {table_type: gpt, layout: [[100, 85]]}}", "disk_setup[0].layout: has a partition type without counterpart in gpt; supported are 83, 82, fd, 8e, 0c, 07 and GUIDs"},
		"a disk alias":                   {"disk_setup: {ephemeral0: {table_type: gpt, layout: true}}", "disk_setup[0]: must be a path below /dev; Ignition does not know the aliases of cloud-init"},
		"ext3":                           {"fs_setup: [{filesystem: ext3, device: /dev/vdb}]", "fs_setup[0].filesystem: must be ext4, btrfs, xfs, vfat or swap, which is all that Ignition makes"},
		"replace_fs":                     {"fs_setup: [{filesystem: ext4, device: /dev/vdb, replace_fs: ntfs}]", "fs_setup[0].replace_fs: is not supported: Ignition does not look at what is on the disk; use overwrite"},
		"a partition by name":            {"fs_setup: [{filesystem: ext4, device: /dev/vdb, partition: first}]", "fs_setup[0].partition: must be auto, any, none or a number"},
		"a label beyond ext4's limit":    {"fs_setup: [{filesystem: ext4, device: /dev/vdb, label: a2345678901234567}]", "fs_setup[0].label: filesystem labels cannot be longer than 16 characters when using ext4"},
		"a file system over partitions":  {"disk_setup: {/dev/vdb: {table_type: gpt, layout: true}}\nfs_setup: [{filesystem: ext4, device: /dev/vdb, partition: none}]", "fs_setup[0].partition: must be auto or 1, since disk_setup makes a partition on the device"},
		"two file systems on a device":   {"fs_setup: [{filesystem: ext4, device: /dev/vdb}, {filesystem: xfs, device: /dev/vdb}]", "fs_setup[1].device: has two file systems"},
		"options in place of the type":   {"mounts: [[/dev/vdb, /var/data, noauto]]", "mounts[0][2]: is not a known file system type; options come fourth"},
		"an option of fstab's generator": {"mounts: [[/dev/vdb, /var/data, ext4, 'x-systemd.automount']]", "mounts[0][3]: must not have x-systemd and x-initrd options: they work in fstab only, and this becomes a mount unit"},
		"a mount of an unknown label":    {"mounts: [[nowhere, /var/data]]", "mounts[0][0]: must be a path, LABEL=, UUID=, a network source, or the label of a file system of fs_setup"},
		"swap":                           {"mounts: [[/dev/vdb, none, swap]]", "mounts[0][1]: must be an absolute path other than /; swap and disabled mounts are not supported"},
		"a mount point in use":           {"mounts: [[/dev/vdb, /opt/x], [/dev/vdc, /var/opt/x]]", "mounts[1][1]: is a duplicated mount point"},
		"a time server with options":     {"ntp: {servers: ['a b']}", "ntp.servers[0]: must be a host name or an address"},
		"a second kubeadm": {"runcmd: ['kubeadm join --config /a && echo success > /run/cluster-api/bootstrap-success.complete', 'kubeadm join --config /b && echo success > /run/cluster-api/bootstrap-success.complete']",
			"runcmd[1]: is a second kubeadm command after runcmd[0]"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := convert(t, tc.in)
			assert.Problem(t, err, tc.want)
		})
	}
}

func TestConvert_makesFiles(t *testing.T) {
	got := layer(t, `
write_files:
- {path: /etc/a, content: one, owner: 'root:wheel', permissions: '0600'}
- {path: /etc/a, content: two, owner: '7:8', append: true}
- {path: /etc/hosts, append: true}
- {path: /etc/hosts, content: "1.2.3.4 x\n", append: true}
- {path: /etc/hosts, content: "1.2.3.5 y\n", append: true}
- {path: /opt/b, content: three}
- {path: /opt/b, content: four}
`).Storage.Files
	type file struct{ Path, Contents, Appended, User, Group string }
	want := []file{
		{"/etc/a", "one", "two", "#7", "#8"},
		{"/etc/hosts", "", "\n1.2.3.4 x\n1.2.3.5 y\n", "", ""}, // the image's last line may be open
		{"/opt/b", "four", "", "", ""},
	}
	var have []file
	for _, f := range got {
		if strings.HasPrefix(f.Path, "/var/lib/altcos-bootstrap/") {
			continue
		}
		h := file{Path: f.Path, Contents: contents(t, f.Contents), User: id(f.User.ID, f.User.Name), Group: id(f.Group.ID, f.Group.Name)}
		for _, r := range f.Append {
			h.Appended += contents(t, r)
		}
		have = append(have, h)
	}
	assert.Equal(t, want, have)
}

func id(n *int, name *string) string {
	switch {
	case n != nil:
		return "#" + string(rune('0'+*n))
	case name != nil:
		return *name
	}
	return ""
}

func contents(tb testing.TB, r types.Resource) string {
	tb.Helper()
	b, err := ignition.Contents(r, 1<<20)
	assert.NoError(tb, err)
	return string(b)
}

func TestConvert_makesUsersAsCloudInitDoes(t *testing.T) {
	got := layer(t, `
users:
- {name: a, passwd: $6$x, lock_passwd: false, groups: 'wheel, devs, wheel', primary_group: staff, sudo: 'ALL=(ALL) ALL', ssh_authorized_keys: [k1, k1, k2]}
- {name: b, passwd: $6$y, sudo: false}
- {name: c}
`)
	if hash := *got.Passwd.Users[0].PasswordHash; hash != "$6$x" {
		t.Errorf("a has hash %q", hash)
	}
	if hash := *got.Passwd.Users[1].PasswordHash; hash != "!$6$y" {
		t.Errorf("b, locked by default, has hash %q", hash)
	}
	if hash := *got.Passwd.Users[2].PasswordHash; hash != "*" {
		t.Errorf("c has hash %q", hash)
	}
	assert.Equal(t, []types.Group{"wheel", "devs"}, got.Passwd.Users[0].Groups)
	assert.Equal(t, []types.SSHAuthorizedKey{"k1", "k2"}, got.Passwd.Users[0].SSHAuthorizedKeys)
	assert.Equal(t, []types.PasswdGroup{{Name: "devs"}, {Name: "staff"}}, got.Passwd.Groups)
	f := got.Storage.Files[0]
	if f.Path != "/etc/sudoers.d/90-bootstrap-users" || *f.Mode != 0o440 || contents(t, f.Contents) != "a ALL=(ALL) ALL\n" {
		t.Errorf("sudoers: %+v", f)
	}
}

func TestConvert_knowsPartitionTypes(t *testing.T) {
	for code, want := range map[string]string{
		"83": "0FC63DAF-8483-4772-8E79-3D69D8477DE4", "82": "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F", "fd": "A19D880F-05FC-4D3B-A006-743F0F84911E",
		"8E": "E6D6D379-F507-44C2-A23C-238F2A3DF928", "0c": "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", "07": "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7",
		"4f68bce3-e8cd-4db1-96e7-fbcaf984b709": "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709",
		"C12A7328-F81F-11D2-BA4B-00A0C93EC93B": "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
	} {
		got := layer(t, "disk_setup: {/dev/vdb: {table_type: gpt, layout: [[100, "+code+"]]}}").Storage.Disks[0].Partitions[0].TypeGUID
		if got == nil || *got != want {
			t.Errorf("%s becomes %v, want %s", code, got, want)
		}
	}
}

func TestConvert_makesDisksFileSystemsAndMounts(t *testing.T) {
	got := layer(t, `
disk_setup:
  /dev/vdb: {table_type: gpt, layout: true, overwrite: true}
  /dev/disk/by-id/x: {table_type: gpt, layout: [[100, 8e]]}
  /dev/vdd: {layout: false}
fs_setup:
- {label: etcd, filesystem: ext4, device: /dev/vdb, extra_opts: [-E, lazy_itable_init=1]}
- {filesystem: btrfs, device: /dev/disk/by-id/x, partition: '1', overwrite: true}
- {filesystem: xfs, device: /dev/nvme0n1, partition: '2'}
- {filesystem: vfat, device: /dev/vde, partition: none}
mounts:
- [etcd, /var/lib/etcd]
- [LABEL=logs, /opt/logs, ext4, 'noatime,nofail', '0', '0']
- ['LABEL=a,b', /var/lib/ab, auto, defaults]
- ['server:/x', /srv/x, nfs, noauto]
- ['server:/y', /srv/y]
runcmd: [true]
`)
	var devices []string
	for _, fs := range got.Storage.Filesystems {
		devices = append(devices, fs.Device)
	}
	want := []string{"/dev/vdb1", "/dev/disk/by-id/x-part1", "/dev/nvme0n1p2", "/dev/vde"}
	assert.Equal(t, want, devices)
	if n := len(got.Storage.Disks); n != 2 || !*got.Storage.Disks[0].WipeTable || *got.Storage.Disks[1].Partitions[0].TypeGUID != "E6D6D379-F507-44C2-A23C-238F2A3DF928" {
		t.Errorf("disks: %+v", got.Storage.Disks)
	}
	units := map[string]string{}
	for _, u := range got.Systemd.Units {
		units[u.Name] = *u.Contents
	}
	for name, lines := range map[string][]string{
		"var-lib-etcd.mount":     {"What=/dev/disk/by-label/etcd", "Where=/var/lib/etcd", "Options=defaults,nofail", `Requires=systemd-fsck@dev-disk-by\x2dlabel-etcd.service`},
		"var-opt-logs.mount":     {"What=/dev/disk/by-label/logs", "Type=ext4", "Options=noatime,nofail", "Where=/var/opt/logs"},
		"var-lib-ab.mount":       {`What=/dev/disk/by-label/a\x2cb`, `After=systemd-fsck@dev-disk-by\x2dlabel-a\x5cx2cb.service`},
		"var-srv-y.mount":        {"What=server:/y", "Options=defaults,nofail,_netdev"},
		"var-srv-x.mount":        {"What=server:/x", "Type=nfs", "Options=noauto"},
		"altcos-kubeadm.service": {"Requires=var-lib-ab.mount"},
	} {
		have := strings.Split(units[name], "\n")
		for _, l := range lines {
			if !slices.Contains(have, l) {
				t.Errorf("%s has no line %q:\n%s", name, l, units[name])
			}
		}
	}
	if strings.Contains(units["var-srv-x.mount"], "[Install]") {
		t.Error("a noauto mount is enabled")
	}
	if after := units["altcos-kubeadm.service"]; !strings.Contains(after, "time-sync.target var-lib-etcd.mount var-opt-logs.mount") {
		t.Errorf("kubeadm does not wait for the nofail mounts:\n%s", after)
	}
}

func TestConvert_configuresTimeServers(t *testing.T) {
	got := layer(t, "ntp: {servers: [a.example, 10.0.0.1]}")
	if text := contents(t, got.Storage.Files[0].Contents); text != "[Time]\nNTP=a.example 10.0.0.1\n" {
		t.Errorf("got %q", text)
	}
	if n := len(layer(t, "ntp: {enabled: false, servers: [a.example]}").Storage.Files); n != 0 {
		t.Errorf("disabled ntp makes %d files", n)
	}
}

func staged(t *testing.T, content string) string {
	t.Helper()
	text, err := json.Marshal(content)
	assert.NoError(t, err)
	for _, f := range layer(t, "write_files: [{path: /run/kubeadm/kubeadm.yaml, content: "+string(text)+"}]").Storage.Files {
		if strings.HasPrefix(f.Path, altcos.StateDir+"/stage/") {
			if *f.Mode != 0o600 {
				t.Errorf("mode %o", *f.Mode)
			}
			return contents(t, f.Contents)
		}
	}
	t.Fatal("no staged file")
	return ""
}

func TestConvert_choosesTheCRISocketOnlyWhenNobodyDid(t *testing.T) {
	cases := map[string]struct{ in, want string }{
		"a registration without socket": {
			"---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration:\n  kubeletExtraArgs:\n  - name: v\n    value: \"010\"\n  taints: null\n",
			"---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration:\n  kubeletExtraArgs:\n  - name: v\n    value: \"010\"\n  taints: null\n  criSocket: unix:///var/run/crio/crio.sock\n",
		},
		"no registration, and v1beta3": {
			"apiVersion: kubeadm.k8s.io/v1beta3\nkind: JoinConfiguration\n",
			"---\napiVersion: kubeadm.k8s.io/v1beta3\nkind: JoinConfiguration\nnodeRegistration:\n  criSocket: unix:///var/run/crio/crio.sock\n",
		},
		"an empty registration": {
			"apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration: {}\n",
			"---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration:\n  criSocket: unix:///var/run/crio/crio.sock\n",
		},
		"an empty socket": {
			"apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration:\n  criSocket: \"\"\n",
			"---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration:\n  criSocket: unix:///var/run/crio/crio.sock\n",
		},
		"a socket of the user, and unusual spelling": {
			"---\napiVersion:   kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration: {criSocket: unix:///run/containerd/containerd.sock}\n",
			"---\napiVersion:   kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration: {criSocket: unix:///run/containerd/containerd.sock}\n",
		},
		"two documents, of which one changes": {
			"---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nnetworking: {}\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration: {}\n",
			"---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nnetworking: {}\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration:\n  criSocket: unix:///var/run/crio/crio.sock\n",
		},
		"documents of other kinds": {"apiVersion: x/v1\nkind: Other\n", "apiVersion: x/v1\nkind: Other\n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.want, staged(t, tc.in))
		})
	}
}
