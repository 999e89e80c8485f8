// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package problem

import (
	"regexp"
	"strconv"
	"strings"
)

var (
	// quotedText is the name of an anchor, the only text of a document that a YAML parser's error repeats. A quoted
	// single character is the punctuation that it looked for.
	quotedText = regexp.MustCompile(`(?s)'.{2,}'`)
	yamlLine   = regexp.MustCompile(`^line (\d+): `)
)

// FromYAML returns what a YAML parser refused and in which line, without repeating anything of the document.
func FromYAML(err error) *Problem {
	text := strings.TrimPrefix(quotedText.ReplaceAllString(err.Error(), "(its name)"), "yaml: ")
	p := &Problem{}
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		if line, err := strconv.Atoi(m[1]); err == nil {
			p.Line, p.Column, text = line, 1, text[len(m[0]):]
		}
	}
	p.Reason = "is not valid YAML: " + text
	return p
}
