// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package butane

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"

	"github.com/coreos/ignition/v2/butane/config"
	"github.com/coreos/ignition/v2/butane/config/common"
	ignerrors "github.com/coreos/ignition/v2/config/shared/errors"
	v3 "github.com/coreos/ignition/v2/config/v3_2"
	"github.com/coreos/ignition/v2/config/v3_2/types"
	"go.yaml.in/yaml/v3"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/problem"
)

// MaxInput is the largest accepted text in bytes: more could never fit into a machine's config.
const MaxInput = 1 << 20

// quotedValue is how the YAML library repeats what it could not read; it may be a secret.
var quotedValue = regexp.MustCompile("`[^`]*`")

// Translate returns the config that data means. Errors are problem.Problem values.
func Translate(data []byte) (types.Config, error) {
	if len(data) > MaxInput {
		return types.Config{}, problem.Newf("", "is %d bytes, at most %d are accepted", len(data), MaxInput)
	}
	trimmed := bytes.TrimSpace(data)
	switch {
	case len(trimmed) == 0:
		return types.Config{}, problem.Newf("", "is empty")
	case trimmed[0] == '{':
		return parse(data)
	}
	if err := checkYAML(data); err != nil {
		return types.Config{}, err
	}
	raw, rpt, err := config.TranslateBytes(data, common.TranslateBytesOptions{})
	if found := ignition.FromReport(rpt); found != nil {
		return types.Config{}, found
	}
	if err != nil {
		return types.Config{}, problem.Newf("", "is no Butane: %s", quotedValue.ReplaceAllString(err.Error(), "a value"))
	}
	return parse(raw)
}

func parse(raw []byte) (types.Config, error) {
	cfg, rpt, err := v3.ParseCompatibleVersion(raw)
	if found := ignition.FromReport(rpt); found != nil {
		return types.Config{}, found
	}
	switch {
	case errors.Is(err, ignerrors.ErrUnknownVersion):
		return types.Config{}, problem.Newf("ignition.version", "must be between 3.0.0 and 3.2.0 (Butane: variant fcos, version 1.0.0 to 1.3.0), the newest that every ALT Container OS accepts")
	case err != nil:
		return types.Config{}, problem.Newf("", "is no Ignition config: %v", err)
	}
	return cfg, nil
}

// maxKeys bounds one mapping: the YAML library compares every key with every other, and no mapping of Butane has more
// than a few.
const maxKeys = 256

// checkYAML refuses what makes YAML expensive: aliases, which Butane would expand, and mappings of many keys.
func checkYAML(data []byte) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return problem.OfYAML(err)
	}
	var visit func(n *yaml.Node) error
	visit = func(n *yaml.Node) error {
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
