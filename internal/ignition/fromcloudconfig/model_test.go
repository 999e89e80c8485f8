// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudconfig_test

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/unit"
	"github.com/coreos/ignition/v2/config/v3_2/types"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
)

// wish is what a cloud-config asks for, in the words of Cluster API's types. Neither the parser nor the converter had a
// hand in it: it comes from a KubeadmConfigSpec, or from another YAML library.
type wish struct {
	files []bootstrapv1.File // those of CABPK too, in order, with contents as YAML gives them
	boot  []string
	run   []string
	// kubeadm is the index in run of kubeadm and the sentinel; -1 without it.
	kubeadm     int
	users       []bootstrapv1.User
	ntp         *bootstrapv1.NTP
	disks       []bootstrapv1.Partition
	filesystems []bootstrapv1.Filesystem
	mounts      []bootstrapv1.MountPoints
}

// model computes independently what the whole Ignition config for a wish has to be. Contents are plain data URLs, not escaped
// and not compressed (see plainly). It takes valid wishes only.
type model struct {
	wish   wish
	script skeleton
	want   types.Config
	staged []string // script steps that put files in place
	needed string   // script step that looks for what the image must have
	hard   []string // mount units that kubeadm requires
	soft   []string // mount units that it waits for
	// byMeaning are files that hold kubeadm's configuration, as JSON.
	byMeaning map[string]bool
	// unsure is set when the model cannot read a document.
	unsure bool
}

func newModel(w wish, s skeleton) *model {
	return &model{wish: w, script: s, byMeaning: map[string]bool{}}
}

const (
	state = "/var/lib/altcos-bootstrap"
	units = "/etc/systemd/system/"
)

func (m *model) config() types.Config {
	m.directory(state)
	m.files()
	m.users()
	m.ntp()
	m.disks()
	m.filesystems()
	for _, mount := range m.wish.mounts {
		m.mount(mount)
	}
	m.bootCommands()
	m.kubeadm()
	return m.want
}

func ptrTo[T any](v T) *T { return &v }

// orNil is what an optional string is: absent when it is empty.
func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func isTrue(b *bool) bool { return b != nil && *b }

func plain(content string) types.Resource { return types.Resource{Source: ptrTo("data:," + content)} }

func (m *model) directory(path string) {
	m.want.Storage.Directories = append(m.want.Storage.Directories, types.Directory{
		Node: types.Node{Path: path}, DirectoryEmbedded1: types.DirectoryEmbedded1{Mode: ptrTo(0o700)}})
}

func (m *model) file(path string, mode int, content string) {
	m.want.Storage.Files = append(m.want.Storage.Files, types.File{
		Node:          types.Node{Path: path, Overwrite: ptrTo(true)},
		FileEmbedded1: types.FileEmbedded1{Mode: &mode, Contents: plain(content)}})
}

func (m *model) link(path, target string) {
	m.want.Storage.Links = append(m.want.Storage.Links, types.Link{
		Node: types.Node{Path: path, Overwrite: ptrTo(true)}, LinkEmbedded1: types.LinkEmbedded1{Target: target}})
}

// started is a unit that multi-user.target wants.
func (m *model) started(name, text string) {
	m.want.Systemd.Units = append(m.want.Systemd.Units, types.Unit{
		Name: name, Enabled: ptrTo(true), Contents: ptrTo(text + "\n[Install]\nWantedBy=multi-user.target\n")})
	m.link(units+"multi-user.target.wants/"+name, units+name)
}

func (m *model) users() {
	passwd := &m.want.Passwd
	made := func(name string) bool {
		return slices.Contains([]string{"root", "altcos", "wheel", "docker", "adm"}, name)
	}
	sudoers := ""
	for _, u := range m.wish.users {
		pu := types.PasswdUser{Name: u.Name, Gecos: orNil(u.Gecos), HomeDir: orNil(u.HomeDir), Shell: orNil(u.Shell), PrimaryGroup: orNil(u.PrimaryGroup)}
		switch {
		case u.Name == "altcos" && u.Passwd == "" && !isTrue(u.LockPassword): // the profile's
		case u.Passwd == "":
			pu.PasswordHash = ptrTo("*")
		case u.LockPassword != nil && !*u.LockPassword:
			pu.PasswordHash = ptrTo(u.Passwd)
		default:
			pu.PasswordHash = ptrTo("!" + u.Passwd)
		}
		for name := range strings.SplitSeq(u.Groups, ",") {
			if name = strings.TrimSpace(name); name != "" && !slices.Contains(pu.Groups, types.Group(name)) {
				pu.Groups = append(pu.Groups, types.Group(name))
			}
		}
		for _, name := range append(slices.Clone(pu.Groups), types.Group(u.PrimaryGroup)) {
			group := types.PasswdGroup{Name: string(name)}
			if name != "" && !made(group.Name) && !slices.ContainsFunc(passwd.Groups, func(g types.PasswdGroup) bool { return g.Name == group.Name }) {
				passwd.Groups = append(passwd.Groups, group)
			}
		}
		for _, key := range u.SSHAuthorizedKeys {
			if k := types.SSHAuthorizedKey(strings.TrimSpace(key)); !slices.Contains(pu.SSHAuthorizedKeys, k) {
				pu.SSHAuthorizedKeys = append(pu.SSHAuthorizedKeys, k)
			}
		}
		if !slices.Contains([]string{"", "false", "no", "off"}, strings.ToLower(u.Sudo)) {
			sudoers += u.Name + " " + u.Sudo + "\n"
		}
		passwd.Users = append(passwd.Users, pu)
	}
	if sudoers != "" {
		m.file("/etc/sudoers.d/90-bootstrap-users", 0o440, sudoers)
	}
}

func (m *model) ntp() {
	if m.wish.ntp == nil || m.wish.ntp.Enabled != nil && !*m.wish.ntp.Enabled {
		return
	}
	if servers := m.wish.ntp.Servers; len(servers) > 0 {
		m.file("/etc/systemd/timesyncd.conf.d/50-bootstrap.conf", 0o644, "[Time]\nNTP="+strings.Join(servers, " ")+"\n")
	}
	const name = "systemd-timesyncd.service"
	m.want.Systemd.Units = append(m.want.Systemd.Units, types.Unit{Name: name, Enabled: ptrTo(true)})
	m.needed = "altcos_step 'look for " + name + ", which this image must have'\nsystemctl cat " + name + " > /dev/null\n"
	m.link(units+"sysinit.target.wants/"+name, "/usr/lib/systemd/system/"+name)
}

// gptTypes are by the names of Cluster API and by the codes of cloud-init.
var gptTypes = map[string]string{
	bootstrapv1.PartitionTypeLinux: "0FC63DAF-8483-4772-8E79-3D69D8477DE4", "83": "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
	bootstrapv1.PartitionTypeLinuxSwap: "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F", "82": "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F",
	bootstrapv1.PartitionTypeLinuxRAID: "A19D880F-05FC-4D3B-A006-743F0F84911E", "fd": "A19D880F-05FC-4D3B-A006-743F0F84911E",
	bootstrapv1.PartitionTypeLVM: "E6D6D379-F507-44C2-A23C-238F2A3DF928", "8e": "E6D6D379-F507-44C2-A23C-238F2A3DF928",
	bootstrapv1.PartitionTypeFat32: "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", "0c": "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7",
	bootstrapv1.PartitionTypeNTFS: "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", "07": "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7",
}

func (m *model) disks() {
	for _, d := range m.wish.disks {
		if !isTrue(d.Layout) && len(d.DiskLayout) == 0 {
			continue
		}
		p := types.Partition{Number: 1}
		if len(d.DiskLayout) > 0 && d.DiskLayout[0].PartitionType != "" {
			guid, coded := gptTypes[d.DiskLayout[0].PartitionType]
			if !coded {
				guid = gptTypes[strings.ToLower(d.DiskLayout[0].PartitionType)]
			}
			if guid == "" {
				guid = strings.ToUpper(d.DiskLayout[0].PartitionType)
			}
			p.TypeGUID = &guid
		}
		disk := types.Disk{Device: d.Device, Partitions: []types.Partition{p}}
		if isTrue(d.Overwrite) {
			disk.WipeTable = ptrTo(true)
		}
		m.want.Storage.Disks = append(m.want.Storage.Disks, disk)
	}
}

func (m *model) filesystems() {
	for _, f := range m.wish.filesystems {
		number := f.Partition
		if number == "" || number == "auto" || number == "any" {
			number = "none"
			if slices.ContainsFunc(m.want.Storage.Disks, func(d types.Disk) bool { return d.Device == f.Device }) {
				number = "1"
			}
		}
		device := f.Device
		switch last := device[len(device)-1]; {
		case number == "none":
		case strings.HasPrefix(device, "/dev/disk/"):
			device += "-part" + number
		case last >= '0' && last <= '9':
			device += "p" + number
		default:
			device += number
		}
		fs := types.Filesystem{Device: device, Format: ptrTo(f.Filesystem), Label: orNil(f.Label)}
		if isTrue(f.Overwrite) {
			fs.WipeFilesystem = ptrTo(true)
		}
		for _, o := range f.ExtraOpts {
			fs.Options = append(fs.Options, types.FilesystemOption(o))
		}
		m.want.Storage.Filesystems = append(m.want.Storage.Filesystems, fs)
	}
}

func (m *model) mount(fields bootstrapv1.MountPoints) {
	all := append(slices.Clone(fields), []string{"", "", "auto", "defaults,nofail", "0", "2"}[len(fields):]...)
	if remote := strings.HasPrefix(all[0], "//") || strings.HasPrefix(m.source(all[0]), all[0]) && all[0][0] != '/' && all[0] != "tmpfs"; remote && len(fields) < 4 {
		all[3] += ",_netdev"
	}
	what, where, kind, options, pass := m.source(all[0]), canonically(all[1]), all[2], all[3], all[5]
	text := "[Unit]\nDescription=Mount " + where + "\n"
	if checked := []string{"auto", "ext4", "ext3", "ext2", "vfat"}; pass != "0" && strings.HasPrefix(what, "/dev/") && slices.Contains(checked, kind) {
		check := "systemd-fsck@" + unit.UnitNamePathEscape(what) + ".service"
		text += "Requires=" + check + "\nAfter=" + check + "\n"
	}
	text += "\n[Mount]\nWhat=" + what + "\nWhere=" + where + "\nType=" + kind + "\nOptions=" + options + "\n"
	name := unit.UnitNamePathEscape(where) + ".mount"
	words := strings.Split(options, ",")
	if slices.Contains(words, "noauto") {
		m.want.Systemd.Units = append(m.want.Systemd.Units, types.Unit{Name: name, Contents: &text})
		return
	}
	if slices.Contains(words, "nofail") {
		m.soft = append(m.soft, name)
	} else {
		m.hard = append(m.hard, name)
	}
	m.started(name, text)
}

// source spells the first field of a mount as systemd does.
func (m *model) source(s string) string {
	label := func(by, name string) string {
		encoded := ""
		for _, r := range name {
			if strings.ContainsRune("#+-.:=@_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", r) || r > 0x7f {
				encoded += string(r)
			} else {
				encoded += fmt.Sprintf(`\x%02x`, r)
			}
		}
		return "/dev/disk/by-" + by + "/" + encoded
	}
	for _, tag := range []string{"LABEL", "UUID", "PARTLABEL", "PARTUUID"} {
		if name, ok := strings.CutPrefix(s, tag+"="); ok {
			return label(strings.ToLower(tag), strings.Trim(name, `"`))
		}
	}
	for _, f := range m.wish.filesystems {
		if f.Label == s {
			return label("label", s)
		}
	}
	return s
}

// canonically is the path behind the links of an ALT Container OS.
func canonically(where string) string {
	where = path.Clean(where)
	for _, l := range [][2]string{
		{"/home", "/var/home"}, {"/opt", "/var/opt"}, {"/srv", "/var/srv"}, {"/mnt", "/var/mnt"}, {"/root", "/var/roothome"},
		{"/usr/local", "/var/usrlocal"}, {"/usr/libexec/kubernetes", "/var/libexec/kubernetes"}, {"/var/run", "/run"},
	} {
		if rest, ok := strings.CutPrefix(where+"/", l[0]+"/"); ok {
			return strings.TrimSuffix(l[1]+"/"+rest, "/")
		}
	}
	return where
}
