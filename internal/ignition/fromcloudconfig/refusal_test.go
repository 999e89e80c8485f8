// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudconfig_test

import (
	"fmt"
	"strings"
	"testing"

	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"

	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/fromcloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
)

// refusal adds to a machine that can be converted one thing that cannot, and returns the field of the problem.
type refusal struct {
	spoil  func(*bootstrapv1.KubeadmConfigSpec) (field string)
	reason string
}

type spec = bootstrapv1.KubeadmConfigSpec

func badFile(f bootstrapv1.File, field string) func(*spec) string {
	return func(s *spec) string {
		s.Files = append(s.Files, f)
		return fmt.Sprintf("write_files[FIRST+%d].%s", len(s.Files)-1, field)
	}
}

func badUser(u bootstrapv1.User, field string) func(*spec) string {
	return func(s *spec) string {
		s.Users = append(s.Users, u)
		return fmt.Sprintf("users[%d].%s", len(s.Users)-1, field)
	}
}

func badDisk(p bootstrapv1.Partition, field string) func(*spec) string {
	return func(s *spec) string {
		s.DiskSetup.Partitions = append(s.DiskSetup.Partitions, p)
		return fmt.Sprintf("disk_setup[%d]%s", len(s.DiskSetup.Partitions)-1, field)
	}
}

func badFS(f bootstrapv1.Filesystem, field string) func(*spec) string {
	return func(s *spec) string {
		s.DiskSetup.Filesystems = append(s.DiskSetup.Filesystems, f)
		return fmt.Sprintf("fs_setup[%d].%s", len(s.DiskSetup.Filesystems)-1, field)
	}
}

func badMount(field string, fields ...string) func(*spec) string {
	return func(s *spec) string {
		s.Mounts = append(s.Mounts, fields)
		return fmt.Sprintf("mounts[%d]%s", len(s.Mounts)-1, field)
	}
}

func badCommand(command string) func(*spec) string {
	return func(s *spec) string {
		s.PreKubeadmCommands = append(s.PreKubeadmCommands, command)
		return fmt.Sprintf("runcmd[%d]", len(s.PreKubeadmCommands)-1)
	}
}

func layout(parts ...bootstrapv1.PartitionSpec) bootstrapv1.Partition {
	return bootstrapv1.Partition{Device: "/dev/bad", TableType: "gpt", DiskLayout: parts}
}

func refusals() map[string]refusal {
	return map[string]refusal{
		"a setuid file":                      {badFile(bootstrapv1.File{Path: "/etc/x", Permissions: "4755"}, "permissions"), "setuid"},
		"permissions in letters":             {badFile(bootstrapv1.File{Path: "/etc/x", Permissions: "u=rw"}, "permissions"), "octal"},
		"a file on the read-only system":     {badFile(bootstrapv1.File{Path: "/usr/bin/x"}, "path"), "read-only"},
		"a file in a new top directory":      {badFile(bootstrapv1.File{Path: "/data/x"}, "path"), "immutable"},
		"a mount point in the root":          {badMount("[1]", "/dev/vdb1", "/data"), "immutable"},
		"a mount point in /usr":              {badMount("[1]", "/dev/vdb1", "/usr/x"), "no mount point"},
		"a system group":                     {badUser(bootstrapv1.User{Name: "x", Groups: "wheel, kvm"}, "groups"), "is a system group"},
		"a system group as the primary one":  {badUser(bootstrapv1.User{Name: "x", PrimaryGroup: "users"}, "primary_group"), "is a system group"},
		"a file in place of a directory":     {badFile(bootstrapv1.File{Path: "/run/"}, "path"), "is a directory"},
		"a file in place of /var/lib":        {badFile(bootstrapv1.File{Path: "/var/lib"}, "path"), "is a directory"},
		"a file in procfs":                   {badFile(bootstrapv1.File{Path: "/proc/sys/vm/x"}, "path"), "not a place for files"},
		"a file of the provider's":           {badFile(bootstrapv1.File{Path: "/var/lib/altcos-bootstrap/bootstrap.sh"}, "path"), "provider's own"},
		"the host name":                      {badFile(bootstrapv1.File{Path: "/etc/hostname", Content: "mine\n"}, "path"), "for each machine"},
		"more of a host name":                {badFile(bootstrapv1.File{Path: "/etc/hostname", Content: "mine\n", Append: new(true)}, "path"), "for each machine"},
		"the first network file":             {badFile(bootstrapv1.File{Path: "/etc/systemd/network/20-wired.network"}, "path"), "for each machine"},
		"the file of a VLAN":                 {badFile(bootstrapv1.File{Path: "/etc//systemd/network/20-wired1-vlan.netdev"}, "path"), "for each machine"},
		"kubelet's drop-in":                  {badFile(bootstrapv1.File{Path: "/etc/systemd/system/kubelet.service.d/kubeadm.conf"}, "path"), "for each machine"},
		"a relative path":                    {badFile(bootstrapv1.File{Path: "etc/x"}, "path"), "absolute"},
		"an owner that is a path":            {badFile(bootstrapv1.File{Path: "/etc/x", Owner: "a/b"}, "owner"), "user or user:group"},
		"an unknown encoding":                {badFile(bootstrapv1.File{Path: "/etc/x", Encoding: "zstd", Content: "x"}, "content"), "unknown encoding"},
		"content that is not valid base64":   {badFile(bootstrapv1.File{Path: "/etc/x", Encoding: bootstrapv1.Base64, Content: "*"}, "content"), "not valid base64"},
		"content that is no gzip":            {badFile(bootstrapv1.File{Path: "/etc/x", Encoding: bootstrapv1.GzipBase64, Content: "YWJj"}, "content"), "not gzip"},
		"text that says it is gzip":          {badFile(bootstrapv1.File{Path: "/etc/x", Encoding: bootstrapv1.Gzip, Content: "abc"}, "content"), "not gzip"},
		"a text that begins with blanks":     {badFile(bootstrapv1.File{Path: "/etc/x", Content: "  a: b\n  c: d\n"}, "content"), "base64"},
		"an unknown Jinja name in a file":    {badFile(bootstrapv1.File{Path: "/etc/x", Content: "a {{ ds.meta_data.public_keys }}"}, "content"), "unknown Jinja name"},
		"an inactive user":                   {badUser(bootstrapv1.User{Name: "x", Inactive: new(true)}, "inactive"), "inactive"},
		"a user with a capital letter":       {badUser(bootstrapv1.User{Name: "Root"}, "name"), "not a valid user name"},
		"a group with a blank":               {badUser(bootstrapv1.User{Name: "x", Groups: "a b"}, "groups"), "not a valid group name"},
		"a shell with a colon":               {badUser(bootstrapv1.User{Name: "x", Shell: "/bin/a:b"}, "shell"), "colon"},
		"a sudo rule without commands":       {badUser(bootstrapv1.User{Name: "x", Sudo: "ALL=(ALL)"}, "sudo"), "sudoers"},
		"a sudo rule that is none":           {badUser(bootstrapv1.User{Name: "x", Sudo: "yes please"}, "sudo"), "sudoers"},
		"the hash of a locked password":      {badUser(bootstrapv1.User{Name: "x", Passwd: "!$6$salt$x"}, "passwd"), "single quotes"},
		"a gecos with a comment":             {badUser(bootstrapv1.User{Name: "x", Gecos: "Bob # room 5"}, "gecos"), "single quotes"},
		"a key with a comment":               {badUser(bootstrapv1.User{Name: "x", SSHAuthorizedKeys: []string{`command="echo #1" ssh-ed25519 AAAA`}}, "ssh_authorized_keys[0]"), "single quotes"},
		"a path with a comment":              {badFile(bootstrapv1.File{Path: "/etc/a #b"}, "path"), "single quotes"},
		"a label that is a comment":          {badFS(bootstrapv1.Filesystem{Device: "/dev/bad", Filesystem: "ext4", Label: "#l"}, "label"), "single quotes"},
		"a partition table of MBR":           {badDisk(bootstrapv1.Partition{Device: "/dev/bad", TableType: "mbr", Layout: new(true)}, ".table_type"), "must be gpt"},
		"no kind of partition table":         {badDisk(bootstrapv1.Partition{Device: "/dev/bad", Layout: new(true)}, ".table_type"), "must be gpt"},
		"a layout of neither":                {badDisk(bootstrapv1.Partition{Device: "/dev/bad", TableType: "gpt"}, ".layout"), "true, false or a list"},
		"two partitions":                     {badDisk(layout(bootstrapv1.PartitionSpec{Percentage: 50}, bootstrapv1.PartitionSpec{Percentage: 50}), ".layout"), "size of the disk"},
		"half a disk":                        {badDisk(layout(bootstrapv1.PartitionSpec{Percentage: 50}), ".layout"), "size of the disk"},
		"an extended partition":              {badDisk(layout(bootstrapv1.PartitionSpec{Percentage: 100, PartitionType: "LinuxExtended"}), ".layout"), "without counterpart"},
		"a partition of type nothing":        {badDisk(layout(bootstrapv1.PartitionSpec{Percentage: 100, PartitionType: "00000000-0000-0000-0000-000000000000"}), ".layout"), "without counterpart"},
		"a disk of a cloud":                  {badDisk(bootstrapv1.Partition{Device: "ephemeral0", TableType: "gpt", Layout: new(true)}, ""), "below /dev"},
		"ext3":                               {badFS(bootstrapv1.Filesystem{Device: "/dev/bad", Filesystem: "ext3"}, "filesystem"), "ext4, btrfs, xfs, vfat or swap"},
		"a file system to replace":           {badFS(bootstrapv1.Filesystem{Device: "/dev/bad", Filesystem: "ext4", ReplaceFS: "ntfs"}, "replace_fs"), "overwrite"},
		"a partition of cloud-init's manual": {badFS(bootstrapv1.Filesystem{Device: "/dev/bad", Filesystem: "ext4", Partition: "auto|any"}, "partition"), "auto, any, none or a number"},
		"a label beyond the limit":           {badFS(bootstrapv1.Filesystem{Device: "/dev/bad", Filesystem: "xfs", Label: "thirteenchars"}, "label"), "12 characters"},
		"a file system on a cloud's disk":    {badFS(bootstrapv1.Filesystem{Device: "ephemeral0.1", Filesystem: "ext4"}, "device"), "below /dev"},
		"a file system over partitions": {func(s *spec) string {
			badDisk(bootstrapv1.Partition{Device: "/dev/bad", TableType: "gpt", Layout: new(true)}, "")(s)
			return badFS(bootstrapv1.Filesystem{Device: "/dev/bad", Filesystem: "ext4", Partition: "none"}, "partition")(s)
		}, "auto or 1"},
		"two file systems in one place": {func(s *spec) string {
			badFS(bootstrapv1.Filesystem{Device: "/dev/bad", Filesystem: "ext4"}, "")(s)
			return badFS(bootstrapv1.Filesystem{Device: "/dev/bad", Filesystem: "ext4", Partition: "none"}, "device")(s)
		}, "two file systems"},
		"a mount of one field":            {badMount("", "/dev/bad"), "source and mount point"},
		"a mount of seven fields":         {badMount("", "/dev/bad", "/bad", "ext4", "defaults", "0", "2", "x"), "source and mount point"},
		"swap":                            {badMount("[1]", "/dev/bad", "none", "swap"), "swap"},
		"a mount over /etc":               {badMount("[1]", "/dev/bad", "/etc/"), "system needs"},
		"a mount over /var":               {badMount("[1]", "/dev/bad", "/var"), "system needs"},
		"a mount over the state's parent": {badMount("[1]", "/dev/bad", "/var/lib"), "system needs"},
		"a mount over /run":               {badMount("[1]", "/dev/bad", "/var/run"), "system needs"},
		"a mount over the kernels":        {badMount("[1]", "/dev/bad", "/boot"), "system needs"},
		"a mount over the state":          {badMount("[1]", "/dev/bad", "/var/lib/altcos-bootstrap"), "provider's own"},
		"a mount in the state":            {badMount("[1]", "/dev/bad", "/var/lib/altcos-bootstrap/x"), "provider's own"},
		"a mount over root's home":        {badMount("[1]", "/dev/bad", "/root"), "home directory"},
		"a mount over all homes":          {badMount("[1]", "/dev/bad", "/home"), "home directory"},
		"a mount over a user's home": {func(s *spec) string {
			badUser(bootstrapv1.User{Name: "x", HomeDir: "/opt/bad/x"}, "")(s)
			return badMount("[1]", "/dev/bad", "/var/opt/bad")(s)
		}, "home directory"},
		"a mount over the root":          {badMount("[1]", "/dev/bad", "/"), "other than /"},
		"options in place of a type":     {badMount("[2]", "/dev/bad", "/var/bad", "noatime,nofail"), "options come fourth"},
		"options of fstab's generator":   {badMount("[3]", "/dev/bad", "/var/bad", "ext4", "noatime,x-systemd.automount"), "fstab only"},
		"a dump frequency":               {badMount("[4]", "/dev/bad", "/var/bad", "ext4", "defaults", "1"), "dump"},
		"a source that is nothing":       {badMount("[0]", "nowhere", "/var/bad"), "LABEL="},
		"a source of systemd specifiers": {badMount("", "LABEL=%h", "/var/bad"), "percent signs"},
		"a mount over a mount": {func(s *spec) string {
			badMount("", "/dev/bad", "/opt/bad")(s)
			return badMount("[1]", "/dev/bad", "/var/opt/bad")(s)
		}, "duplicated"},
		"a time server with options": {func(s *spec) string {
			s.NTP.Enabled, s.NTP.Servers = nil, []string{"a.example", "b.example iburst"}
			return "ntp.servers[1]"
		}, "host name"},
		"a second kubeadm": {func(s *spec) string {
			s.PostKubeadmCommands = append(s.PostKubeadmCommands, "kubeadm join --config /x && echo success > /run/cluster-api/bootstrap-success.complete")
			return fmt.Sprintf("runcmd[%d]", len(s.PreKubeadmCommands)+len(s.PostKubeadmCommands))
		}, "second kubeadm"},
		"a NUL in a command":           {badCommand("echo \x00"), "NUL"},
		"a Jinja statement":            {badCommand("{% if x %}"), "statements"},
		"a Jinja filter":               {badCommand("echo {{ v1.instance_id | upper }}"), "other than a plain name"},
		"a shell's length, for Jinja":  {badCommand("echo ${#a}"), "comments"},
		"Jinja in the name of a user":  {badUser(bootstrapv1.User{Name: "u{{ x }}"}, "name"), "unknown Jinja name"},
		"Jinja in the mount's options": {badMount("[3]", "/dev/bad", "/var/bad", "ext4", "a={{ ds.x }}"), "unknown Jinja name"},
		"Jinja in a boot command": {func(s *spec) string {
			s.BootCommands = append(s.BootCommands, "echo {{ ds.x }}")
			return fmt.Sprintf("bootcmd[%d]", len(s.BootCommands)-1)
		}, "unknown Jinja name"},
	}
}

// TestConvert_dropsNothingSilently: what Ignition cannot say is refused by field and reason, on machines of every kind.
func TestConvert_dropsNothingSilently(t *testing.T) {
	for name, tc := range refusals() {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(6) {
				m := cabpk.NewGenerator(seed, tagNames()).Machine(kinds[seed%3])
				first := len(certificateFiles(m))
				want := tc.spoil(&m.Spec)
				if before, rest, ok := strings.Cut(want, "FIRST+"); ok {
					var i int
					_, _ = fmt.Sscanf(rest, "%d", &i)
					want = before + fmt.Sprint(first+i) + strings.TrimLeft(rest, "0123456789")
				}
				cfg, err := cloudconfig.Parse(m.CloudConfig(t), names)
				if err == nil {
					_, err = fromcloudconfig.Convert(cfg)
				}
				found := problem.All(err)
				if len(found) != 1 || found[0].Path != want || !strings.Contains(found[0].Reason, tc.reason) {
					t.Fatalf("machine %d: got %v, want a problem with %s: %s", seed, err, want, tc.reason)
				}
			}
		})
	}
}
