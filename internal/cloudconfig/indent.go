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

const indented = "begins with blanks, which YAML takes for indentation and removes; give it in base64 with encoding: base64"

// isIndented finds a text of CABPK's that has lost its first blanks: CABPK does not say how deep it indents texts, so YAML
// takes the depth from the first line. What others write in another form may be as deep as they like.
func (d *decoder) isIndented(list, item, content *yaml.Node) bool {
	if list.Column != 1 || item.Column != fileColumn || isNull(content) || content.Column != textColumn || content.Style&yaml.LiteralStyle == 0 {
		return false
	}
	header, body := d.lines.block(item, content)
	if strings.TrimRight(header, " \n") != "|" {
		return false // "|6" says how deep it is
	}
	for line := range bytes.Lines(body) {
		text, isText := bytes.CutPrefix(bytes.TrimRight(line, "\n"), []byte(contentText))
		if isText && len(text) > 0 {
			return text[0] == ' '
		}
	}
	return false
}

const otherBreaks = "has line ends that YAML makes others of (carriage return, U+0085, U+2028 or U+2029); give it in base64 with encoding: base64"

// hasOtherBreaks finds a text of which YAML changes the line ends, and takes blanks after them for indentation. A document
// that has carriage returns before all line feeds, as its header then does, was written so for another reason, and to base64
// line ends mean nothing.
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
