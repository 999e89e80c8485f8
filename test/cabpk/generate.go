// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cabpk

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/blang/semver/v4"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
)

// Generator makes machines with every field of a KubeadmConfigSpec that CABPK writes into a cloud-config. Ignition can
// express all of them.
type Generator struct {
	*rand.Rand
	// Tags are Jinja tags to insert into texts.
	Tags []string
}

// NewGenerator returns a generator that makes the same machines for the same seed.
func NewGenerator(seed uint64, tags []string) Generator {
	return Generator{rand.New(rand.NewPCG(seed, 1)), tags}
}

// Machine makes one.
func (g Generator) Machine(kind Kind) Machine {
	m := Machine{Kind: kind, Version: semver.MustParse(g.pick("1.34.3", "1.30.4"))}
	s := &m.Spec
	s.BootCommands, s.PreKubeadmCommands, s.PostKubeadmCommands = some(g, 3, g.command), some(g, 5, g.command), some(g, 5, g.command)
	paths := []string{"/etc/kubernetes/pki/ca.crt"} // some come again, to replace a file or to add to it
	s.Files = some(g, 14, func(i int) bootstrapv1.File {
		f := g.file(i)
		if g.chance(8) {
			f.Path = g.pick(paths...)
		}
		paths = append(paths, f.Path)
		return f
	})
	s.Users = some(g, 4, g.user)
	if g.chance(2) {
		s.NTP = bootstrapv1.NTP{Enabled: g.flag(), Servers: some(g, 3, func(int) string { return g.word() + g.pick(".example", "", ":1") })}
	}
	s.DiskSetup.Partitions = some(g, 3, g.disk)
	s.DiskSetup.Filesystems = some(g, 4, func(i int) bootstrapv1.Filesystem { return g.filesystem(i, s.DiskSetup.Partitions) })
	s.Mounts = some(g, 4, func(i int) bootstrapv1.MountPoints { return g.mount(i, s.DiskSetup.Filesystems) })
	if g.chance(2) {
		s.Verbosity = new(int32(g.IntN(11)))
	}
	g.kubeadm(&m)
	return m
}

func some[T any](g Generator, most int, one func(i int) T) []T {
	var out []T
	for i := range g.IntN(most + 1) {
		out = append(out, one(i))
	}
	return out
}

func (g Generator) chance(oneIn int) bool { return g.IntN(oneIn) == 0 }

func (g Generator) pick(from ...string) string { return from[g.IntN(len(from))] }

// maybe returns one of from, or nothing as often.
func (g Generator) maybe(from ...string) string {
	if g.chance(2) {
		return ""
	}
	return g.pick(from...)
}

func (g Generator) flag() *bool { return []*bool{nil, new(true), new(false)}[g.IntN(3)] }

func (g Generator) word() string {
	b := make([]byte, 1+g.IntN(8))
	for i := range b {
		b[i] = "abcdefghijklmnopqrstuvwxyz"[g.IntN(26)]
	}
	return string(b)
}

// text has everything that can break quoting, except what Jinja would read and is not a tag of the generator's.
func (g Generator) text() string {
	pieces := append([]string{"'", `"`, `\`, "\n", "\n\n", "\t", "$(", ")", "é", "☸", "&&", "#", " ", ": ", "- ", "{", "}", "%", "`", "<", "|", "\n  ", "---"}, g.Tags...)
	var b strings.Builder
	for range g.IntN(8) {
		b.WriteString(g.word() + g.pick(pieces...))
	}
	return b.String() + g.word()
}

func (g Generator) command(int) string {
	return g.pick("echo ", "", "\x01", "exit 3;", " ") + g.text() + g.maybe("\n", " ", "'", `\`)
}

func (g Generator) file(i int) bootstrapv1.File {
	dir := g.pick("/etc", "/etc/kubernetes", "/opt/x", "/run/y", "/var/run", "/tmp", "/var/lib/z", "/usr/local/bin", "/root")
	f := bootstrapv1.File{
		Path: fmt.Sprintf("%s/%s-%d", dir, g.word(), i), Owner: g.maybe("root:root", "etcd", "0:0", "1000", "core:wheel", g.word()+":"+g.word()),
		Permissions: g.maybe("0640", "600", "0755", "0444", "0o644"), Append: g.flag(),
		Encoding: []bootstrapv1.Encoding{"", "", bootstrapv1.Base64, bootstrapv1.GzipBase64}[g.IntN(4)],
	}
	switch f.Encoding {
	case bootstrapv1.Base64:
		f.Content = g.wrapped(g.bytes())
	case bootstrapv1.GzipBase64:
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write(bytes.Repeat(g.bytes(), 1+g.IntN(9)))
		_ = w.Close()
		f.Content = g.wrapped(b.Bytes())
	default:
		// what begins with a blank is refused: a block scalar takes its indentation from the first line
		f.Content = g.pick("", "\n", g.text(), g.text()+"\n", "\n\n"+g.text(), g.text()+"\n\n")
	}
	return f
}

func (g Generator) bytes() []byte {
	b := make([]byte, g.IntN(200))
	for i := range b {
		b[i] = byte(g.IntN(256))
	}
	return b
}

// wrapped is base64, in lines as often as in one.
func (g Generator) wrapped(b []byte) string {
	text := base64.StdEncoding.EncodeToString(b)
	if g.chance(2) {
		return text
	}
	var lines []string
	for chunk := range slices.Chunk([]byte(text), 76) {
		lines = append(lines, string(chunk))
	}
	return strings.Join(lines, "\n") + "\n"
}

func (g Generator) user(i int) bootstrapv1.User {
	other := g.word() + "9" // no system group of an image
	group := func(int) string { return g.pick("wheel", "docker", "devs", "ops", "u0", "u1", other) }
	u := bootstrapv1.User{
		Name: fmt.Sprintf("u%d", i), Passwd: g.maybe("$6$salt$"+g.word(), "$y$j9T$"+g.word()+"./x"),
		Gecos: g.maybe("Some One, room 5", "Ünï", "true"), Groups: strings.Join(some(g, 4, group), g.pick(",", ", ", " , ")),
		HomeDir: g.maybe("/var/home/"+g.word(), "/opt/"+g.word()), Shell: g.maybe("/bin/bash", "/sbin/nologin"),
		PrimaryGroup: g.maybe("wheel", "staff", g.word()+"9"), LockPassword: g.flag(),
		Sudo:              g.maybe("ALL=(ALL) NOPASSWD:ALL", "ALL=(ALL:ALL) ALL", "false", "False", "no", "host=(root) /bin/true, /bin/ls -l"),
		SSHAuthorizedKeys: some(g, 4, func(int) string { return g.pick("", `from="10.0.0.0/8" `) + "ssh-ed25519 AAAA" + g.word() + " a@b" }),
	}
	if g.chance(3) {
		u.Inactive = new(false)
	}
	if i < 2 && g.chance(8) {
		u.Name = []string{"docker", "altcos"}[i]
	}
	return u
}

func (g Generator) device(i int, stem string) string {
	return strings.ReplaceAll(g.pick("/dev/"+stem+"X", "/dev/disk/by-id/"+stem+"-X", "/dev/nvme"+stem+"Xn1"), "X", string(rune('a'+i)))
}

func (g Generator) disk(i int) bootstrapv1.Partition {
	p := bootstrapv1.Partition{Device: g.device(i, "p"), TableType: "gpt", Overwrite: g.flag()}
	switch g.IntN(4) {
	case 0:
		p.Layout, p.TableType = new(false), g.pick("", "mbr", "gpt")
	case 1:
		p.Layout = new(true)
	default:
		p.DiskLayout = []bootstrapv1.PartitionSpec{{Percentage: 100, PartitionType: g.pick("", bootstrapv1.PartitionTypeLinux, bootstrapv1.PartitionTypeLinuxSwap,
			bootstrapv1.PartitionTypeLinuxRAID, bootstrapv1.PartitionTypeLVM, bootstrapv1.PartitionTypeFat32, bootstrapv1.PartitionTypeNTFS,
			"4f68bce3-e8cd-4db1-96e7-fbcaf984b709", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B")}}
	}
	return p
}

func (g Generator) filesystem(i int, disks []bootstrapv1.Partition) bootstrapv1.Filesystem {
	device, partition := g.device(i, "f"), g.maybe("auto", "any", "none", "1", "3")
	if i < len(disks) && g.chance(2) {
		device, partition = disks[i].Device, g.maybe("auto", "any", "1", "3")
	}
	return bootstrapv1.Filesystem{
		Device: device, Filesystem: g.pick("ext4", "btrfs", "xfs", "vfat", "swap"), Label: g.maybe(fmt.Sprintf("l%d", i), fmt.Sprintf("a,%d", i)),
		Partition: partition, Overwrite: g.flag(), ExtraOpts: some(g, 4, func(int) string { return g.pick("-E", "-F", "lazy_itable_init=1", g.word()) }),
	}
}

func (g Generator) mount(i int, made []bootstrapv1.Filesystem) bootstrapv1.MountPoints {
	what := []string{"LABEL=" + g.word(), `LABEL=a+b,c`, "UUID=1234-ABCD", "PARTUUID=" + g.word(), "PARTLABEL=" + g.word(), "/dev/vdb1", "/dev/disk/by-id/x-part1", "nfs.example:/srv/" + g.word(), "//smb/x", "tmpfs", "/var/data"}
	for _, f := range made {
		if f.Label != "" {
			what = append(what, f.Label, f.Label, f.Label)
		}
	}
	m := bootstrapv1.MountPoints{g.pick(what...), fmt.Sprintf("%s/%s-%d", g.pick("/var/lib", "/opt", "/srv", "/mnt", "/home", "/run/m", "/var/data"), g.word(), i)}
	options := append([]string{g.pick("defaults", "rw", "noatime")}, some(g, 3, func(int) string { return g.pick("nofail", "noauto", "_netdev", "subvol=@"+g.word(), "nodev") })...)
	m = append(m, g.pick("auto", "ext4", "ext3", "xfs", "btrfs", "vfat", "nfs", "nfs4", "none", "tmpfs", "cifs"), strings.Join(options, ","), "0", g.pick("0", "1", "2"))
	return m[:2+g.IntN(5)]
}
