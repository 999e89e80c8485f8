// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cloudconfig

import (
	"bytes"

	"go.yaml.in/yaml/v3"
)

// lines are the text of a document: nodes do not tell everything that was written.
type lines struct {
	text []byte
	// starts are where the lines begin.
	starts []int
}

func newLines(text []byte) lines {
	l := lines{text: text, starts: make([]int, 1, 2+bytes.Count(text, []byte("\n")))}
	for i := 0; i < len(text); i++ {
		if length := lineBreak(text[i:]); length > 0 {
			i += length - 1
			l.starts = append(l.starts, i+1)
		}
	}
	return l
}

// lineBreak is the length of what b begins with if YAML counts it as the end of a line.
func lineBreak(b []byte) int {
	switch {
	case b[0] == '\n':
		return 1
	case bytes.HasPrefix(b, []byte("\r\n")):
		return 2
	case b[0] == '\r':
		return 1
	case b[0] < 0x80:
		return 0
	case bytes.HasPrefix(b, []byte("\u0085")):
		return 2
	case bytes.HasPrefix(b, []byte("\u2028")), bytes.HasPrefix(b, []byte("\u2029")):
		return 3
	}
	return 0
}

// from returns the text from a line on, the first of which is 1.
func (l lines) from(number int) []byte {
	if number < 1 || number > len(l.starts) {
		return nil
	}
	return l.text[l.starts[number-1]:]
}

// hasTag finds "!" alone before a value, or in its place. It says that the value is what it looks like, and YAML leaves no trace
// of it. Columns are of characters, and are taken for bytes here: what CABPK writes before its values is plain.
func (l lines) hasTag(n *yaml.Node) bool {
	text, i := l.from(n.Line), n.Column-1
	return i > 0 && i < len(text) && text[i] == '!' && bytes.IndexByte([]byte(" [,{"), text[i-1]) >= 0
}
