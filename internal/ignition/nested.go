// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package ignition

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	ignerrors "github.com/coreos/ignition/v2/config/shared/errors"
	v3 "github.com/coreos/ignition/v2/config/v3_2"
	"github.com/coreos/ignition/v2/config/v3_2/types"

	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// What all configs of one machine may cost, those that they hold inside themselves included. A small gzip'd one can
// unpack to many.
const (
	maxConfigs = 64
	maxBytes   = 1 << 20
	maxValues  = 1 << 14
	maxDepth   = 8
)

// Flattener takes the configs of one machine apart, in the order in which they win, within one budget for all of them.
type Flattener struct {
	configs, bytes, values int
	// fetched is the place of the first config that Ignition fetches when the machine boots; empty while there is none.
	fetched string
}

// NewFlattener returns a Flattener for one machine.
func NewFlattener() *Flattener { return &Flattener{} }

// Document is one config without those that it holds inside.
type Document struct {
	// Name is the place of the document, for error messages.
	Name string
	// Raw is its JSON, with everything that was taken out of it.
	Raw []byte
	// Version is what the document declares.
	Version string
	// fetched are the entries of its ignition.config.merge that stay in it.
	fetched []int
}

// Flatten returns the config and then those merged inline into it: by Ignition's rules they win over it, and so they must
// win over the layers that come between. Errors are problem.Problem values whose source is a Document's name.
func (f *Flattener) Flatten(name string, raw []byte) ([]Document, error) {
	return f.flatten(name, raw, 0)
}

func (f *Flattener) flatten(name string, raw []byte, depth int) ([]Document, error) {
	if err := f.charge(raw, depth); err != nil {
		return nil, problem.In(name, err)
	}
	if f.fetched != "" {
		return nil, problem.In(name, problem.Newf("", "comes after %s, which is fetched by the machine and would win over this config: put the fetched one last", f.fetched))
	}
	var head struct {
		Ignition struct {
			Version string               `json:"version"`
			Config  types.IgnitionConfig `json:"config"`
		} `json:"ignition"`
	}
	own := Document{Name: name, Raw: raw}
	if json.Unmarshal(raw, &head) != nil {
		return []Document{own}, nil //nolint:nilerr // reading the whole of it reports what is wrong, and where
	}
	own.Version = head.Ignition.Version
	if head.Ignition.Config.Replace.Source != nil {
		return nil, problem.In(name, problem.Newf("ignition.config.replace", "would drop what makes this machine a node: use ignition.config.merge"))
	}
	children, err := f.children(&own, head.Ignition.Config.Merge, depth)
	return append([]Document{own}, children...), err
}

func (f *Flattener) children(parent *Document, merge []types.Resource, depth int) ([]Document, error) {
	var docs []Document
	for i, r := range merge {
		path := fmt.Sprintf("ignition.config.merge[%d]", i)
		if r.Source == nil || !strings.HasPrefix(*r.Source, "data:") {
			parent.fetched = append(parent.fetched, i)
			if f.fetched == "" {
				f.fetched = within(parent.Name, path)
			}
			continue
		}
		raw, err := Contents(r, int64(maxBytes-f.bytes))
		if err != nil {
			return nil, problem.In(parent.Name, problem.Newf(path, "%v", err))
		}
		inner, err := f.flatten(within(parent.Name, path), raw, depth+1)
		if err != nil {
			return nil, err
		}
		docs = append(docs, inner...)
	}
	return docs, nil
}

// charge takes what one config costs from the budget.
func (f *Flattener) charge(raw []byte, depth int) error {
	f.configs++
	f.bytes += len(raw)
	f.values += countValues(raw)
	switch {
	case depth > maxDepth:
		return problem.Newf("", "is more than %d configs deep inside another", maxDepth)
	case f.configs > maxConfigs:
		return problem.Newf("", "is one of more than %d configs for one machine", maxConfigs)
	case f.bytes > maxBytes:
		return problem.Newf("", "the configs of one machine are more than %d bytes together", maxBytes)
	case f.values > maxValues:
		return problem.Newf("", "the configs of one machine have more than %d values together", maxValues)
	}
	return nil
}

// countValues counts what JSON has at least: an opening bracket or a comma is one value each.
func countValues(raw []byte) int {
	n, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == '{' || c == '['):
			n++
		}
	}
	return n
}

func within(name, path string) string {
	if name == "" {
		return path
	}
	return name + ": " + path
}

// Layer reads the config in spec 3.0 to 3.2. When strict, warnings count as errors too: Ignition warns about what it
// will not do.
func (d Document) Layer(strict bool) (Layer, error) {
	cfg, rpt, err := v3.ParseCompatibleVersion(d.Raw)
	if found := FromReport(rpt); found != nil && (strict || err != nil) {
		return Layer{}, problem.In(d.Name, found)
	}
	switch {
	case errors.Is(err, ignerrors.ErrUnknownVersion):
		return Layer{}, problem.In(d.Name, problem.Newf("ignition.version", "must be between 3.0.0 and 3.2.0 (Butane: variant fcos, version 1.0.0 to 1.3.0), the newest that every ALT Container OS accepts"))
	case err != nil:
		return Layer{}, problem.In(d.Name, problem.Newf("", "is not an Ignition config: %v", err))
	}
	merge := cfg.Ignition.Config.Merge
	cfg.Ignition.Config.Merge = nil
	for _, i := range d.fetched {
		cfg.Ignition.Config.Merge = append(cfg.Ignition.Config.Merge, merge[i])
	}
	return Layer{Name: d.Name, Config: cfg}, nil
}
