// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cloudconfig

import (
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/ssh"
)

// keys are lines of authorized_keys, which end with comments of all kinds.
func (d *decoder) keys(into *[]string) func(*yaml.Node, string) { return d.each(into, d.key) }

// key is one of them. One that YAML cuts at " #" is used as it was written, if that is a key.
func (d *decoder) key(into *string) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		whole := d.lines.whole(n)
		if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(whole)); err != nil || d.isFolded(n) {
			d.text(into)(n, path)
			return
		}
		*into = whole
	}
}

// whole is the text from a value without quotes to the end of its line, if YAML read the end as a comment.
func (l *lines) whole(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || n.Style != 0 || n.Anchor != "" || n.LineComment == "" || l.isFolded(n) {
		return ""
	}
	line := strings.TrimSpace(string(l.text[l.at(n):l.after(n.Line)]))
	if !strings.HasPrefix(strings.TrimLeft(line[len(n.Value):], " \t"), "#") {
		return "" // "]" or "," of a list
	}
	return line
}
