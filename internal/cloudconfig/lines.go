// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cloudconfig

import (
	"bytes"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// lines are the text of a document: nodes do not keep everything that was written.
type lines struct {
	text []byte
	// starts are where the lines begin.
	starts []int
	// last is the place that was computed last.
	last place
}

type place struct{ line, column, offset int }

func newLines(text []byte) *lines {
	l := &lines{text: text, starts: make([]int, 1, 2+bytes.Count(text, []byte("\n")))}
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

// at is the place of a node. Its column counts characters; counting goes on from the node before, since many may share a line.
func (l *lines) at(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(l.starts) {
		return len(l.text)
	}
	if l.last.line != n.Line {
		l.last = place{line: n.Line, column: 1, offset: l.starts[n.Line-1]}
	}
	for ; l.last.column < n.Column; l.last.column++ {
		_, size := utf8.DecodeRune(l.text[l.last.offset:])
		l.last.offset += size
	}
	for ; l.last.column > n.Column; l.last.column-- {
		_, size := utf8.DecodeLastRune(l.text[:l.last.offset])
		l.last.offset -= size
	}
	return l.last.offset
}

// hasTag reports "!" alone before a value, or in its place. It makes the value a plain one, and YAML leaves no trace of it.
func (l *lines) hasTag(n *yaml.Node) bool {
	i := l.at(n)
	return i > 0 && i < len(l.text) && l.text[i] == '!' && bytes.IndexByte([]byte(" [,{"), l.text[i-1]) >= 0
}

// isFolded reports a value without quotes that is not written as it is read: YAML joins several lines into one.
func (l *lines) isFolded(n *yaml.Node) bool {
	const written = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	return n.Style&written == 0 && !bytes.HasPrefix(l.text[l.at(n):], []byte(n.Value))
}

// after is where the line after the given one begins; lines are counted from 1.
func (l *lines) after(number int) int {
	if number < len(l.starts) {
		return l.starts[number]
	}
	return len(l.text)
}

// isSpread reports a value without quotes that begins on a line of its own, or that a comment line follows. Such documents are
// fine; in what CABPK writes it is the rest of a value that had line breaks.
func (l *lines) isSpread(n *yaml.Node) bool {
	if n.Style != 0 || n.Line < 1 || n.Line > len(l.starts) {
		return false
	}
	if len(bytes.TrimLeft(l.text[l.starts[n.Line-1]:l.at(n)], " ")) == 0 {
		return true
	}
	end := l.after(n.Line)
	if rest := l.text[min(l.at(n)+len(n.Value), end):end]; len(bytes.TrimSpace(rest)) > 0 {
		return false // others share its line, and this is called for the last of them too
	}
	for number := n.Line; number < len(l.starts); number++ {
		if line := bytes.TrimLeft(l.text[l.starts[number]:l.after(number+1)], " \t\r\n\u0085\u2028\u2029"); len(line) > 0 {
			return line[0] == '#'
		}
	}
	return false
}

// block returns the lines of a literal text as they are written, and the header before them with its line end. Everything
// that is as deep as the mapping which it is in counts, and so do empty lines. Line feeds alone end lines here.
func (l *lines) block(mapping, text *yaml.Node) (header string, body []byte) {
	begin := l.after(text.Line)
	rest := l.text[begin:]
	depth := bytes.Repeat([]byte(" "), mapping.Content[0].Column)
	end := 0
	for line := range bytes.Lines(rest) {
		if len(bytes.Trim(line, " \r\n")) > 0 && !bytes.HasPrefix(line, depth) {
			break
		}
		end += len(line)
	}
	return string(l.text[l.at(text):begin]), rest[:end]
}

// hasLineFeed reports whether the line of a node ends with a line feed, and not with anything else.
func (l *lines) hasLineFeed(n *yaml.Node) bool {
	end := l.after(n.Line)
	return end == len(l.text) || l.text[end-1] == '\n'
}
