// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"slices"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// ordered are all layers of a machine: a later one wins over an earlier one.
type ordered struct {
	// below are the layers up to the node's own, above those that win over it.
	below, above parts
	hasNode      bool
	// documents are those of the bootstrap data, which decide which spec is written.
	documents []ignition.Document
}

// part is a layer, or a document that becomes one when it is known which spec is written.
type part struct {
	layer    ignition.Layer
	document *ignition.Document
}

type parts []part

func (p *parts) add(layers ...ignition.Layer) {
	for _, l := range layers {
		*p = append(*p, part{layer: l})
	}
}

func (p *parts) read(documents []ignition.Document) {
	for i := range documents {
		*p = append(*p, part{document: &documents[i]})
	}
}

func (o *ordered) encode() ([]byte, error) {
	switch needsLatest := ignition.NeedsLatest(o.documents); {
	case needsLatest && !o.hasNode:
		return nil, problem.In(bootstrapName, problem.Newf("ignition.version", "must be at most 3.2.0 where the machine is not known yet"))
	case needsLatest:
		return o.encodeLatest()
	}
	layers := make([]ignition.Layer, 0, len(o.below)+len(o.above)+1)
	for _, p := range slices.Concat(o.below, o.above) {
		l := p.layer
		if p.document != nil {
			var err error
			if l, err = p.document.Layer(false); err != nil {
				return nil, err
			}
		}
		layers = append(layers, l)
	}
	if own := altcos.OwnGroups(layers); len(own.Config.Passwd.Users) > 0 {
		layers = slices.Insert(layers, 0, own)
	}
	if o.hasNode {
		return ignition.EncodeLayers(layers...)
	}
	above := len(layers) - len(o.above)
	return keepApart(layers[:above], layers[above:])
}

// encodeLatest is for documents that need more than spec 3.2.0.
func (o *ordered) encodeLatest() ([]byte, error) {
	var all []ignition.Latest
	var accounts []ignition.Layer
	for _, p := range slices.Concat(o.below, o.above) {
		l, err := p.latest()
		if err != nil {
			return nil, err
		}
		all, accounts = append(all, l), append(accounts, l.Accounts())
	}
	own, err := ignition.Lift(altcos.OwnGroups(accounts))
	if err != nil {
		return nil, err
	}
	return ignition.EncodeLatest(o.documents, slices.Insert(all, 0, own))
}

func (p part) latest() (ignition.Latest, error) {
	if p.document != nil {
		return p.document.Latest()
	}
	return ignition.Lift(p.layer)
}

// keepApart writes below as the config, and each of above as a config that Ignition merges into it.
func keepApart(below, above []ignition.Layer) ([]byte, error) {
	cfg := ignition.Merge(below...)
	ignition.DropLinks(&cfg, ignition.Merge(above...).Systemd.Units)
	for _, l := range above {
		raw, err := ignition.EncodeLayers(l)
		if err != nil {
			return nil, err
		}
		cfg.Ignition.Config.Merge = append(cfg.Ignition.Config.Merge, ignition.Inline(raw))
	}
	raw, err := ignition.Encode(cfg)
	if err != nil {
		return nil, err
	}
	// the later Render flattens this very config: what is too much for it must be said now
	_, err = ignition.NewFlattener().Flatten("", raw)
	return raw, err
}
