// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"fmt"
	"strings"
)

// text writes a configuration word by word. A word that could end a line, open a comment or a block, or begin a second
// word makes the whole text invalid: the last defence after Validate.
type text struct {
	builder strings.Builder
	depth   int
	err     error
}

// line writes one directive at the current depth.
func (t *text) line(words ...string) {
	for _, word := range words {
		if word == "" || strings.ContainsFunc(word, isUnsafe) {
			t.err = fmt.Errorf("%w: word %q is not allowed in a configuration file", ErrInvalid, word)
		}
	}
	t.raw(strings.Join(words, " "))
}

// raw writes a line without checks: it must not contain input.
func (t *text) raw(line string) {
	t.builder.WriteString(strings.Repeat("    ", t.depth))
	t.builder.WriteString(line)
	t.builder.WriteByte('\n')
}

// section writes a heading and its directives one level deeper; haproxy closes nothing.
func (t *text) section(heading []string, body func()) {
	if t.builder.Len() > 0 {
		t.builder.WriteByte('\n')
	}
	t.line(heading...)
	t.depth++
	body()
	t.depth--
}

// block writes a section of keepalived: a heading, a brace, directives, a brace.
func (t *text) block(heading []string, body func()) {
	t.line(heading...)
	t.builder.WriteString(strings.Repeat("    ", t.depth))
	t.builder.WriteString("{\n")
	t.depth++
	body()
	t.depth--
	t.raw("}")
}

func (t *text) bytes() ([]byte, error) { return []byte(t.builder.String()), t.err }

func isUnsafe(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune("\"'\\#!{}$`;", r)
}
