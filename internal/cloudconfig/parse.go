// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cloudconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// Limits. A Secret holds at most 1 MiB, so MaxInput refuses nothing that can exist in a cluster;
// MaxDecoded bounds what gzip'd contents may grow to, all files together.
const (
	MaxInput   = 1 << 20
	MaxDecoded = 4 << 20
)

const (
	jinjaHeader  = "## template: jinja"
	configHeader = "#cloud-config"
)

// Parse reads data; instance gives the values of Jinja names. Errors are problem.Problem values with path, line and column.
func Parse(data []byte, instance InstanceData) (*Config, error) {
	if len(data) > MaxInput {
		return nil, problem.Newf("", "is %d bytes, at most %d are accepted", len(data), MaxInput)
	}
	body, jinja, err := stripHeader(data)
	if err != nil {
		return nil, err
	}
	if jinja {
		expanded, refused := expand(body, instance)
		if len(refused) > 0 {
			return nil, inFields(expanded, refused)
		}
		body = expanded
	}
	root, err := loadYAML(body)
	if err != nil {
		return nil, err
	}
	d := &decoder{budget: MaxDecoded, lines: newLines(body), byCABPK: jinja}
	cfg := d.config(root)
	if err := d.problems.Err(); err != nil {
		return nil, err
	}
	return cfg, nil
}

// stripHeader checks the first lines. The header lines are blanked rather than cut, so that line numbers stay true.
func stripHeader(data []byte) (body []byte, jinja bool, err error) {
	lines := bytes.SplitAfterN(data, []byte("\n"), 3)
	line := func(i int) string {
		if i >= len(lines) {
			return ""
		}
		return strings.TrimRight(string(lines[i]), " \t\r\n")
	}
	switch {
	case line(0) == jinjaHeader && line(1) == configHeader:
		if len(lines) < 3 {
			return nil, true, nil
		}
		return append([]byte("\n\n"), lines[2]...), true, nil
	case line(0) == configHeader:
		return append([]byte("\n"), bytes.Join(lines[1:], nil)...), false, nil
	}
	return nil, false, &problem.Problem{Line: 1, Column: 1, Reason: fmt.Sprintf("is not a cloud-config: it must begin with %q, or with %q and then %q", configHeader, jinjaHeader, configHeader)}
}

func loadYAML(body []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(body))
	doc := &yaml.Node{}
	if err := dec.Decode(doc); errors.Is(err, io.EOF) {
		return nil, nil //nolint:nilnil // an empty document is an empty config
	} else if err != nil {
		return nil, problem.FromYAML(err)
	}
	var second yaml.Node
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, problem.Newf("", "must be one YAML document, but more follows")
	}
	if len(doc.Content) != 1 {
		return nil, problem.Newf("", "must be one YAML mapping")
	}
	return doc.Content[0], nil
}
