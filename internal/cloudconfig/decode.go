// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cloudconfig

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// decoder walks YAML nodes instead of unmarshalling: scalars keep their spelling (a partition type 07 is no number),
// every error has a path and a position, and neither aliases nor duplicate keys pass. Paths are made of the names of
// the schema and of numbers only: in a malformed document a secret may be in the place of a name.
type decoder struct {
	problems problem.List
	lines    *lines
	// budget is how many bytes of decompressed content are still allowed.
	budget int64
	// byCABPK is set for a document with CABPK's header: what is fine in other documents is a damaged value there.
	byCABPK bool
}

func (d *decoder) addf(n *yaml.Node, path, format string, args ...any) {
	p := &problem.Problem{Path: path, Reason: fmt.Sprintf(format, args...)}
	if n != nil {
		p.Line, p.Column = n.Line, n.Column
	}
	d.problems.Append(p)
}

func isNull(n *yaml.Node) bool {
	return n == nil || (n.Kind == yaml.ScalarNode && n.Tag == "!!null" && n.Style&yaml.TaggedStyle == 0)
}

// isMarked reports a tag or an anchor. CABPK quotes nothing, so a value that begins with "!" or "&", such as the hash of
// a locked password, loses its beginning to YAML; the rest must not be used as the value.
func (d *decoder) isMarked(n *yaml.Node) bool {
	if n.Style&yaml.TaggedStyle == 0 && d.lines.hasTag(n) {
		return true
	}
	return n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 && n.Tag != "!!binary"
}

const marked = `begins with what YAML reads as a tag or an anchor ("!" or "&"); put the whole value in single quotes`

// isCut reports a value of which a part is missing. In a value without quotes YAML reads " #" as the beginning of a comment,
// and "|" or ">" as the mark of a block of text, which CABPK writes in none of the fields that this is called for.
func (d *decoder) isCut(n *yaml.Node) bool {
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return n.Value == "" || d.byCABPK
	}
	return n.LineComment != "" && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0
}

const folded = "spans several lines, which YAML joins into one; write it on one line, or put the whole value in double quotes with \\n for a line break"

const cut = `has a part that YAML reads as a comment ("#") or as the mark of a block of text ("|" or ">"); put the whole value in single quotes`

// isFolded reports a value of several lines that YAML joins into one.
func (d *decoder) isFolded(n *yaml.Node) bool {
	return n.Tag != "!!binary" && (d.lines.isFolded(n) || d.byCABPK && d.lines.isSpread(n))
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func at(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// object calls the function of each key, in document order; a key without one is an error.
func (d *decoder) object(n *yaml.Node, path string, fields map[string]func(*yaml.Node, string)) {
	d.mapping(n, path, func(key string, keyNode, value *yaml.Node) {
		decode, known := fields[key]
		if !known {
			d.addf(keyNode, path, "has an unknown field; known are %s", strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
			return
		}
		if isNull(value) && d.isMarked(value) {
			d.addf(value, join(path, key), marked)
			return
		}
		if isNull(value) && keyNode.LineComment != "" {
			d.addf(keyNode, join(path, key), cut)
			return
		}
		decode(value, join(path, key))
	})
}

// mapping calls each for every pair of a mapping node and refuses duplicate and non-scalar keys.
func (d *decoder) mapping(n *yaml.Node, path string, each func(key string, keyNode, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.addf(n, path, "must be a mapping")
		return
	}
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Kind != yaml.ScalarNode || key.Tag == "!!merge" || d.isMarked(key) || d.lines.isFolded(key):
			d.addf(key, path, "keys must be plain names on one line, merges, tags, anchors and aliases are not accepted")
		case seen[key.Value]:
			d.addf(key, path, "has a duplicated field")
		default:
			seen[key.Value] = true
			each(key.Value, key, n.Content[i+1])
		}
	}
}

// list calls each for every item; null is an empty list, as CABPK writes "servers:" without any.
func (d *decoder) list(n *yaml.Node, path string, each func(*yaml.Node, string)) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.addf(n, path, "must be a list")
		return
	}
	for i, item := range n.Content {
		each(item, at(path, i))
	}
}

// text stores a scalar as it is spelled.
func (d *decoder) text(into *string) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		if n.Kind != yaml.ScalarNode || isNull(n) {
			d.addf(n, path, "must be a string")
			return
		}
		if n.Tag == "!!binary" {
			d.addf(n, path, "must be plain text, not binary")
			return
		}
		if d.isMarked(n) {
			d.addf(n, path, marked)
			return
		}
		if d.isFolded(n) {
			d.addf(n, path, folded)
		}
		if d.isCut(n) {
			d.addf(n, path, cut) // the rest may have further problems
		}
		if strings.ContainsRune(n.Value, 0) {
			d.addf(n, path, "must not contain a NUL character")
			return
		}
		*into = n.Value
	}
}

func (d *decoder) texts(into *[]string) func(*yaml.Node, string) { return d.each(into, d.text) }

// commands may be blocks of text, since CABPK quotes its own.
func (d *decoder) commands(into *[]string) func(*yaml.Node, string) { return d.each(into, d.command) }

func (d *decoder) command(into *string) func(*yaml.Node, string) {
	const longer = yaml.LiteralStyle | yaml.FoldedStyle
	return func(n *yaml.Node, path string) {
		asked := *n
		if n.Style&longer != 0 && n.Value != "" {
			asked.Style = n.Style&^longer | yaml.DoubleQuotedStyle
		}
		d.text(into)(&asked, path)
	}
}

// each decodes the items of a list.
func (d *decoder) each(into *[]string, decode func(*string) func(*yaml.Node, string)) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		d.list(n, path, func(item *yaml.Node, path string) {
			var s string
			decode(&s)(item, path)
			*into = append(*into, s)
		})
	}
}

func (d *decoder) flag(into **bool) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		if b, ok := boolOf(n); ok {
			*into = &b
			return
		}
		d.addf(n, path, "must be true or false")
	}
}

func boolOf(n *yaml.Node) (value, ok bool) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		return false, false
	}
	b, err := strconv.ParseBool(strings.ToLower(n.Value))
	return b, err == nil
}
