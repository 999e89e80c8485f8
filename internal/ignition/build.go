// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package ignition

import (
	"io"
	"path"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/unit"
	"github.com/coreos/ignition/v2/config/v3_2/types"
)

// Builder fills one layer. Its methods add nodes that replace what the image has, owned by root.
type Builder struct {
	Config types.Config
}

// File adds a file with mode, replacing what the image has at path.
func (b *Builder) File(path string, mode int, content []byte) {
	b.Node(types.File{
		Node:          types.Node{Path: path, Overwrite: new(true)},
		FileEmbedded1: types.FileEmbedded1{Mode: &mode, Contents: Inline(content)},
	})
}

// Node adds a file as it is.
func (b *Builder) Node(f types.File) {
	b.Config.Storage.Files = append(b.Config.Storage.Files, f)
}

// Append adds text to the end of the file at path. The text begins a new line even when the file's last one is open.
func (b *Builder) Append(path, text string) {
	b.Node(types.File{
		Node:          types.Node{Path: path},
		FileEmbedded1: types.FileEmbedded1{Append: []types.Resource{Inline([]byte("\n" + text))}},
	})
}

// Directory adds a directory, or sets the mode of an existing one.
func (b *Builder) Directory(path string, mode int) {
	b.Config.Storage.Directories = append(b.Config.Storage.Directories, types.Directory{
		Node: types.Node{Path: path}, DirectoryEmbedded1: types.DirectoryEmbedded1{Mode: &mode},
	})
}

// Unit adds an enabled unit with the given text and, for each target, the symbolic link that systemctl enable would
// make: presets are only evaluated on a boot that systemd considers the first one, which depends on how the image
// was built.
func (b *Builder) Unit(name string, text UnitText, targets ...string) {
	content := text.String()
	u := b.unit(name)
	u.Contents = &content
	if len(targets) > 0 {
		u.Enabled = new(true)
	}
	for _, target := range targets {
		b.Config.Storage.Links = append(b.Config.Storage.Links, types.Link{
			Node:          types.Node{Path: unitDir + target + ".wants/" + name, Overwrite: new(true)},
			LinkEmbedded1: types.LinkEmbedded1{Target: unitDir + name},
		})
	}
}

const unitDir = "/etc/systemd/system/"

// disabled are the units that a layer disables or masks.
func disabled(units []types.Unit) map[string]bool {
	out := map[string]bool{}
	for _, u := range units {
		if IsFalse(u.Enabled) || IsTrue(u.Mask) {
			out[u.Name] = true
		}
	}
	return out
}

// withoutLinks drops the links that Unit makes for these units. The list itself may belong to a layer.
func withoutLinks(links []types.Link, units map[string]bool) []types.Link {
	if len(units) == 0 {
		return links
	}
	return slices.DeleteFunc(slices.Clone(links), func(l types.Link) bool {
		dir, name := path.Split(l.Path)
		return units[name] && l.Target == unitDir+name && strings.HasPrefix(dir, unitDir) && strings.HasSuffix(dir, ".wants/")
	})
}

// Dropin adds a drop-in to a unit of the image.
func (b *Builder) Dropin(unitName, name string, text UnitText) {
	content := text.String()
	u := b.unit(unitName)
	u.Dropins = append(u.Dropins, types.Dropin{Name: name, Contents: &content})
}

// Mask makes a unit of the image impossible to start.
func (b *Builder) Mask(unitName string) {
	b.unit(unitName).Mask = new(true)
}

// unit finds the unit or adds it: a layer may name each unit only once. The pointer is good until the next call.
func (b *Builder) unit(name string) *types.Unit {
	units := &b.Config.Systemd.Units
	for i := range *units {
		if (*units)[i].Name == name {
			return &(*units)[i]
		}
	}
	*units = append(*units, types.Unit{Name: name})
	return &(*units)[len(*units)-1]
}

// UnitText is the text of a systemd unit or of a networkd file: sections in order, of which several may have one name.
type UnitText []*unit.UnitSection

// Section adds one section; options with an empty name are left out.
func (t UnitText) Section(name string, options ...Option) UnitText {
	s := &unit.UnitSection{Section: name}
	for _, o := range options {
		if o.Name != "" {
			s.Entries = append(s.Entries, &unit.UnitEntry{Name: o.Name, Value: o.Value})
		}
	}
	return append(t, s)
}

// Option is one name=value line of a unit.
type Option struct{ Name, Value string }

// Set makes an option.
func Set(name, value string) Option { return Option{Name: name, Value: value} }

// String is the file's text.
func (t UnitText) String() string {
	b, err := io.ReadAll(unit.SerializeSections(t))
	if err != nil {
		panic(err) // it reads from memory
	}
	return string(b)
}

// Script is the text of an embedded shell script as machines get it: without what is written for shellcheck alone.
func Script(embedded string) string {
	var b strings.Builder
	for line := range strings.Lines(embedded) {
		if !strings.HasPrefix(line, "# shellcheck ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// Optional is nil for an empty text.
func Optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// IsTrue reports whether an optional flag is set.
func IsTrue(b *bool) bool { return b != nil && *b }

// IsFalse reports whether an optional flag is set to false.
func IsFalse(b *bool) bool { return b != nil && !*b }
