// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cloudconfig

import (
	"bytes"

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
	header, rest, _ := bytes.Cut(d.lines.from(content.Line), []byte("\n"))
	if len(header) < textColumn || string(bytes.TrimRight(header[textColumn-1:], " ")) != "|" {
		return false // "|6" says how deep it is
	}
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		text, isText := bytes.CutPrefix(line, []byte(contentText))
		switch {
		case isText && len(text) > 0:
			return text[0] == ' '
		case len(bytes.Trim(line, " ")) > 0:
			return false // the text is over
		}
	}
	return false
}
