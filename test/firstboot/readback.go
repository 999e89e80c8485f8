// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package firstboot

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/coreos/ignition/v2/config/v3_2/types"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
)

// Entry is a file, a directory or a link of a root.
type Entry struct {
	// Content of a file, target of a link, empty for a directory.
	Content string
	Mode    fs.FileMode
	UID     int
	GID     int
}

// Tree is a root, by absolute path.
type Tree map[string]Entry

// Read returns everything below root.
func Read(root string) (Tree, error) {
	tree := Tree{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		entry := Entry{Mode: info.Mode()}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			entry.UID, entry.GID = int(stat.Uid), int(stat.Gid)
		}
		switch {
		case info.Mode().IsRegular():
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			entry.Content = string(content)
		case info.Mode()&fs.ModeSymlink != 0:
			if entry.Content, err = os.Readlink(path); err != nil {
				return err
			}
		}
		tree[strings.TrimPrefix(path, root)] = entry
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read root: %w", err)
	}
	return tree, nil
}

// Expect returns what a root that was before has to be once the config was applied: the config's meaning, as Ignition's
// specification gives it, computed without Ignition's code. Directories on the way to something are left out.
func Expect(before Tree, config types.Config) (Tree, error) {
	want := maps.Clone(before)
	for _, d := range config.Storage.Directories {
		e := Entry{Mode: fs.ModeDir | mode(d.Mode, 0o755)}
		if err := e.own(d.Node); err != nil {
			return nil, err
		}
		want[resolve(d.Path)] = e
	}
	for _, f := range config.Storage.Files {
		e := Entry{Mode: mode(f.Mode, 0o644)}
		if old, there := before[resolve(f.Path)]; there && f.Contents.Source == nil {
			e = old
		}
		open := e.Content != "" && !strings.HasSuffix(e.Content, "\n")
		for _, r := range append([]types.Resource{f.Contents}, f.Append...) {
			content, err := ignition.Contents(r, 1<<20)
			if err != nil {
				return nil, fmt.Errorf("read file %q: %w", f.Path, err)
			}
			if open && len(content) > 0 && content[0] != '\n' {
				return nil, fmt.Errorf("append to %q: the text is glued to the image's last line", f.Path)
			}
			open = open && len(content) == 0
			e.Content += string(content)
		}
		if err := e.own(f.Node); err != nil {
			return nil, err
		}
		want[resolve(f.Path)] = e
	}
	for _, l := range config.Storage.Links {
		want[resolve(l.Path)] = Entry{Mode: fs.ModeSymlink | 0o777, Content: l.Target}
	}
	units(want, config.Systemd.Units)
	return want, nil
}

func units(want Tree, list []types.Unit) {
	const dir = "/etc/systemd/system/"
	presets := ""
	for _, u := range list {
		if u.Contents != nil && *u.Contents != "" {
			want[dir+u.Name] = Entry{Mode: 0o644, Content: *u.Contents}
		}
		for _, d := range u.Dropins {
			want[dir+u.Name+".d/"+d.Name] = Entry{Mode: 0o644, Content: *d.Contents}
		}
		if u.Mask != nil && *u.Mask {
			want[dir+u.Name] = Entry{Mode: fs.ModeSymlink | 0o777, Content: "/dev/null"}
		}
		if u.Enabled != nil && *u.Enabled {
			presets += "enable " + u.Name + "\n"
		}
	}
	if presets != "" {
		want["/etc/systemd/system-preset/20-ignition.preset"] = Entry{Mode: 0o644, Content: presets}
	}
}

// Compare lists what differs: what is missing, different or unexpected.
func Compare(want, got Tree) []string {
	var out []string
	for _, path := range slices.Sorted(maps.Keys(want)) {
		w, g := want[path], got[path]
		switch {
		case g.Mode == 0:
			out = append(out, path+" is missing")
		case path == "/etc/systemd/system-preset/20-ignition.preset":
			if a, b := strings.Fields(w.Content), strings.Fields(g.Content); !sameSet(a, b) {
				out = append(out, fmt.Sprintf("%s is %q, want %q", path, g.Content, w.Content))
			}
		case g != w:
			out = append(out, fmt.Sprintf("%s is %+v, want %+v", path, g, w))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[path]; !ok && !got[path].Mode.IsDir() && path != "/etc/.ignition-result.json" {
			out = append(out, path+" is too much")
		}
	}
	return out
}

func sameSet(a, b []string) bool {
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func mode(given *int, fallback fs.FileMode) fs.FileMode {
	if given == nil {
		return fallback
	}
	return fs.FileMode(*given).Perm()
}

// own sets the owner. One that the root does not know would stop the boot.
func (e *Entry) own(n types.Node) error {
	ids := map[string]int{"root": 0, "altcos": altcosID, "wheel": wheelID, "docker": dockerID}
	for _, o := range []struct {
		id   *int
		name *string
		into *int
	}{{n.User.ID, n.User.Name, &e.UID}, {n.Group.ID, n.Group.Name, &e.GID}} {
		switch {
		case o.id != nil:
			*o.into = *o.id
		case o.name != nil && *o.name != "":
			known, ok := ids[*o.name]
			if !ok {
				return fmt.Errorf("own %q: %q does not exist", n.Path, *o.name)
			}
			*o.into = known
		}
	}
	return nil
}

// resolve follows the links of NewRoot.
func resolve(path string) string {
	for link, target := range map[string]string{
		"/home/": "/var/home/", "/opt/": "/var/opt/", "/srv/": "/var/srv/", "/mnt/": "/var/mnt/", "/root/": "/var/roothome/",
		"/usr/local/": "/var/usrlocal/", "/usr/libexec/kubernetes/": "/var/libexec/kubernetes/",
	} {
		if rest, ok := strings.CutPrefix(path, link); ok {
			return target + rest
		}
	}
	return path
}
