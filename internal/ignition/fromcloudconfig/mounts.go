// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudconfig

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/unit"

	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
)

var deviceTag = regexp.MustCompile(`^(PART)?(LABEL|UUID)$`)

// oddInLink matches what udev encodes in the name of a link: all of ASCII but these.
var oddInLink = regexp.MustCompile(`[^#+.:=@_0-9A-Za-z\x{80}-\x{10FFFF}-]`)

var mountType = regexp.MustCompile(`^(auto|none|ext[234]|xfs|btrfs|vfat|ntfs|iso9660|tmpfs|nfs4?|cifs|9p|virtiofs|overlay)$`)

// mounts become mount units. kubeadm needs them, unless they say nofail (then it waits only) or noauto.
func (c *converter) mounts() {
	seen := map[string]bool{}
	for i, m := range c.cfg.Mounts {
		field := fmt.Sprintf("mounts[%d]", i)
		bad := func(s string) bool { return s == "" || strings.ContainsAny(s, " \t\n\r%") || strings.HasSuffix(s, `\`) }
		if len(m) < 2 || slices.ContainsFunc(m, bad) {
			c.problems.Addf(field, "must have a source and a mount point, and no blanks, percent signs and final backslashes")
			continue
		}
		where := canonical(m[1])
		if !path.IsAbs(where) || where == "/" {
			c.problems.Addf(field+"[1]", "must be an absolute path other than /; swap and disabled mounts are not supported")
			continue
		}
		if reason := mountRefusal(where); reason != "" {
			c.problems.Addf(field+"[1]", "%s", reason)
			continue
		}
		if c.hidesHome(where) {
			c.problems.Addf(field+"[1]", "would hide a user's home directory, where Ignition writes SSH keys before anything is mounted")
			continue
		}
		if seen[where] {
			c.problems.Addf(field+"[1]", "is a duplicated mount point")
			continue
		}
		seen[where] = true
		what, ok := c.source(field, m[0])
		if ok {
			c.mount(field, m, what, where)
		}
	}
}

// mountRefusal returns why nothing may be mounted at where; it is empty for a good place.
func mountRefusal(where string) string {
	switch place(where) {
	case absent:
		return notBelowRoot
	case readOnly, virtual, nodes:
		return "is on a part of the system where no mount point can be made; use directories in /var, /opt or /srv"
	case ours:
		return "would hide the provider's own directory " + altcos.StateDir + "; choose another place"
	case onDisk, onTmpfs:
	}
	if slices.Contains([]string{"/etc", "/var", "/var/lib", "/run", "/boot"}, where) {
		return "would hide what the system needs; choose a directory below it"
	}
	return ""
}

// hidesHome reports whether where is a home directory or above one. cloud-init makes users after it mounts, Ignition before.
func (c *converter) hidesHome(where string) bool {
	homes := append([]string{altcos.HomeOf(altcos.AdminUser), altcos.HomeOf("root")}, c.homes...)
	for _, u := range c.cfg.Users {
		home := u.HomeDir
		if home == "" {
			home = altcos.HomeOf(u.Name)
		}
		homes = append(homes, canonical(home))
	}
	return slices.ContainsFunc(homes, func(home string) bool { return home == where || strings.HasPrefix(home, where+"/") })
}

// defaultOptions are those of cloud-init without what only its own units need: a mount without options may fail, and
// kubeadm runs all the same. Local disks are there before the network.
func defaultOptions(what string) string {
	if local := strings.HasPrefix(what, "/") && !strings.HasPrefix(what, "//") || what == "tmpfs"; local {
		return "defaults,nofail"
	}
	return "defaults,nofail,_netdev"
}

func (c *converter) mount(field string, m cloudconfig.Mount, what, where string) {
	fstype, options := "auto", defaultOptions(what)
	if len(m) > 2 {
		fstype = m[2]
	}
	if !mountType.MatchString(fstype) {
		c.problems.Addf(field+"[2]", "is not a known file system type; options come fourth")
		return
	}
	if len(m) > 3 {
		options = m[3]
	}
	if len(m) > 4 && m[4] != "0" {
		c.problems.Addf(field+"[4]", "must be 0: systemd does not support a dump frequency")
	}
	words := strings.Split(options, ",")
	if slices.ContainsFunc(words, func(o string) bool { return strings.HasPrefix(o, "x-systemd.") || strings.HasPrefix(o, "x-initrd.") }) {
		c.problems.Addf(field+"[3]", "must not have x-systemd and x-initrd options: they work in fstab only, and this becomes a mount unit")
	}
	name := altcos.MountUnit(where)
	about := []ignition.Option{ignition.Set("Description", "Mount "+where)}
	if fsck(m) && strings.HasPrefix(what, "/dev/") && slices.Contains([]string{"auto", "ext4", "ext3", "ext2", "vfat"}, fstype) {
		check := "systemd-fsck@" + unit.UnitNamePathEscape(what) + ".service"
		about = append(about, ignition.Set("Requires", check), ignition.Set("After", check))
	}
	text := ignition.UnitText{}.Section("Unit", about...).
		Section("Mount", ignition.Set("What", what), ignition.Set("Where", where), ignition.Set("Type", fstype), ignition.Set("Options", options))
	if slices.Contains(words, "noauto") {
		c.b.Unit(name, text)
		return
	}
	if slices.Contains(words, "nofail") {
		c.softMounts = append(c.softMounts, name)
	} else {
		c.mountUnits = append(c.mountUnits, name)
	}
	c.b.Unit(name, text.Section("Install", ignition.Set("WantedBy", "multi-user.target")), "multi-user.target")
}

// fsck reports whether the file system is checked before it is mounted: cloud-init's default pass is 2.
func fsck(m cloudconfig.Mount) bool { return len(m) < 6 || m[5] != "0" }

// canonical follows the links of ALT Container OS into /var: systemd refuses a mount point that is reached through one.
func canonical(where string) string {
	where = path.Clean(where)
	for _, l := range []struct{ from, to string }{
		{"/home", "/var/home"}, {"/opt", "/var/opt"}, {"/srv", "/var/srv"}, {"/mnt", "/var/mnt"}, {"/root", "/var/roothome"},
		{"/usr/local", "/var/usrlocal"}, {"/usr/libexec/kubernetes", "/var/libexec/kubernetes"}, {"/var/run", "/run"},
	} {
		if where == l.from || strings.HasPrefix(where, l.from+"/") {
			return l.to + strings.TrimPrefix(where, l.from)
		}
	}
	return where
}

// source translates the first field of an fstab line. A bare word is the label of a file system of fs_setup.
func (c *converter) source(field, s string) (what string, ok bool) {
	tag, value, tagged := strings.Cut(s, "=")
	switch {
	case tagged && deviceTag.MatchString(tag):
		value = strings.Trim(value, `"`)
		if value == "" || strings.ContainsAny(value, `/\"`) {
			c.problems.Addf(field+"[0]", "must name a label or UUID of plain characters")
			return "", false
		}
		return "/dev/disk/by-" + strings.ToLower(tag) + "/" + udevName(value), true
	case slices.ContainsFunc(c.cfg.Filesystems, func(f cloudconfig.Filesystem) bool { return f.Label == s }):
		return "/dev/disk/by-label/" + udevName(s), true
	case strings.HasPrefix(s, "/"), strings.Contains(s, ":"), s == "tmpfs":
		return s, true
	}
	c.problems.Addf(field+"[0]", "must be a path, LABEL=, UUID=, a network source, or the label of a file system of fs_setup")
	return "", false
}

// udevName is how udev spells a label in the name of a link.
func udevName(label string) string {
	return oddInLink.ReplaceAllStringFunc(label, func(odd string) string { return fmt.Sprintf(`\x%02x`, odd) })
}
