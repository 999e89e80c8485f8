// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package butane

import (
	"bytes"
	"fmt"
	"regexp"

	"github.com/coreos/ignition/v2/butane/config"
	"github.com/coreos/ignition/v2/butane/config/common"
	"github.com/coreos/ignition/v2/config/v3_2/types"
	"go.yaml.in/yaml/v3"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// MaxInput is the largest accepted text in bytes: more could never fit into a machine's config.
const MaxInput = 1 << 20

// quotedValue is how the YAML library repeats what it could not read; it may be a secret.
var quotedValue = regexp.MustCompile("`[^`]*`")

// Translate returns the config that data means, with the configs that are merged inline into it. Errors are
// problem.Problem values.
func Translate(data []byte) (types.Config, error) {
	layers, err := Layers("", data, ignition.NewFlattener())
	if err != nil {
		return types.Config{}, err
	}
	return ignition.Merge(layers...), nil
}

// Layers returns the config that data means, and then those that are merged inline into it: the later wins. Errors are
// problem.Problem values whose source is name, or the place of an inline config within it.
func Layers(name string, data []byte, flattener *ignition.Flattener) ([]ignition.Layer, error) {
	raw, generated, err := toJSON(data)
	if err != nil {
		return nil, problem.In(name, err)
	}
	docs, err := flattener.Flatten(name, raw)
	if err != nil {
		return nil, err
	}
	var layers []ignition.Layer
	for i, d := range docs {
		l, err := d.Layer(true)
		if i == 0 && generated {
			err = problem.WithoutPlaces(err) // the JSON is generated, its author does not see it
		}
		if err != nil {
			return nil, err
		}
		if i == 0 && generated {
			ignition.Pack(&l.Config)
		}
		layers = append(layers, l)
	}
	return layers, nil
}

// packLater is the largest text in bytes whose contents are not compressed by Butane, which makes a new compressor, of
// almost a megabyte, for each of them. Larger texts must shrink before their JSON is looked at.
const packLater = 64 << 10

// toJSON returns Ignition JSON unchanged, and Butane as generated JSON.
func toJSON(data []byte) (raw []byte, generated bool, err error) {
	if len(data) > MaxInput {
		return nil, false, problem.Newf("", "is %d bytes, at most %d are accepted", len(data), MaxInput)
	}
	trimmed := bytes.TrimSpace(data)
	switch {
	case len(trimmed) == 0:
		return nil, false, problem.Newf("", "is empty")
	case trimmed[0] == '{':
		return data, false, nil
	}
	if err := checkYAML(data); err != nil {
		return nil, false, err
	}
	options := common.TranslateBytesOptions{}
	options.NoResourceAutoCompression = len(data) <= packLater
	raw, rpt, err := config.TranslateBytes(data, options)
	if found := ignition.FromReport(rpt); found != nil {
		return nil, false, found
	}
	if err != nil {
		return nil, false, problem.Newf("", "is not valid Butane: %s", quotedValue.ReplaceAllString(err.Error(), "a value"))
	}
	return raw, true, nil
}

// maxKeys bounds one mapping: the YAML library compares every key with every other, and no mapping of Butane has more
// than a few. maxNodes bounds them all: each one may become an error, of which Butane makes a long list.
const (
	maxKeys  = 256
	maxNodes = 1 << 14
)

// checkYAML refuses what makes YAML expensive: aliases, which Butane would expand, and many keys or values.
func checkYAML(data []byte) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return problem.FromYAML(err)
	}
	nodes := 0
	var visit func(n *yaml.Node) error
	visit = func(n *yaml.Node) error {
		if nodes++; nodes > maxNodes {
			return &problem.Problem{Line: n.Line, Column: n.Column, Reason: fmt.Sprintf("is one of more than %d values", maxNodes)}
		}
		if n.Kind == yaml.AliasNode {
			return &problem.Problem{Line: n.Line, Column: n.Column, Reason: "an alias is refused, write the value out"}
		}
		if n.Kind == yaml.MappingNode && len(n.Content) > 2*maxKeys {
			return &problem.Problem{Line: n.Line, Column: n.Column, Reason: fmt.Sprintf("has more than %d keys", maxKeys)}
		}
		for _, c := range n.Content {
			if err := visit(c); err != nil {
				return err
			}
		}
		return nil
	}
	return visit(&doc)
}
