// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cloudconfig

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Where CABPK writes a file: "-   path: x" in the first column, "    content: |" below it and the text in column 7.
const (
	fileColumn  = 5
	textColumn  = fileColumn + len("content: ")
	contentText = "      "
)

const indented = "begins with blanks, which YAML removes as indentation; provide it in base64 with encoding: base64"

// isIndented reports a text of CABPK's that has lost its first blanks: CABPK does not declare how deep it indents texts, so
// YAML takes the depth from the first line. Documents of another form may be indented at will.
func (d *decoder) isIndented(list, item, content *yaml.Node) bool {
	if list.Column != 1 || item.Column != fileColumn || isNull(content) || content.Column != textColumn || content.Style&yaml.LiteralStyle == 0 {
		return false
	}
	header, body := d.lines.block(item, content)
	if strings.TrimRight(header, " \n") != "|" {
		return false // "|6" declares how deep it is
	}
	for line := range bytes.Lines(body) {
		text, isText := bytes.CutPrefix(bytes.TrimRight(line, "\n"), []byte(contentText))
		if isText && len(text) > 0 {
			return text[0] == ' '
		}
	}
	return false
}

const otherBreaks = "has line ends that YAML changes (carriage return, U+0085, U+2028 or U+2029); provide it in base64 with encoding: base64"

// hasOtherBreaks reports a text of which YAML changes the line ends and removes blanks after them as indentation. A document
// with carriage returns before all line feeds, its header included, was converted as a whole, and base64 ignores line ends.
func (d *decoder) hasOtherBreaks(item, content *yaml.Node, encoding string) bool {
	if isNull(content) || content.Style&yaml.LiteralStyle == 0 {
		return false
	}
	if !d.lines.hasLineFeed(content) {
		return true
	}
	header, body := d.lines.block(item, content)
	if strings.HasSuffix(header, "\r\n") || strings.Contains(encoding, "64") {
		body = bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	}
	return bytes.ContainsAny(body, "\r\u0085\u2028\u2029")
}
