// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package ignition

import (
	v3 "github.com/coreos/ignition/v2/config/v3_2"
	"github.com/coreos/ignition/v2/config/v3_2/types"
	"github.com/coreos/vcontext/report"

	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// Layer is one named part of a machine's config.
type Layer struct {
	// Name is where the layer comes from, for error messages.
	Name string
	// Config is the layer itself; its version may be empty.
	Config types.Config
}

// Merge returns the union of layers; a later layer wins over an earlier one. A unit that a later layer disables or masks
// loses the links by which an earlier one enabled it.
func Merge(layers ...Layer) types.Config {
	merged := merge(layers)
	merged.Ignition.Version = types.MaxVersion.String()
	DropLinks(&merged, merged.Systemd.Units)
	return merged
}

// DropLinks drops the links that enable units which are disabled or masked in units.
func DropLinks(cfg *types.Config, units []types.Unit) {
	cfg.Storage.Links = withoutLinks(cfg.Storage.Links, disabled(units))
}

// merge halves the list: merging is associative and copies both sides, so this copies each layer a few times only.
func merge(layers []Layer) types.Config {
	switch n := len(layers); n {
	case 0:
		return types.Config{}
	case 1:
		return layers[0].Config
	default:
		return v3.Merge(merge(layers[:n/2]), merge(layers[n/2:]))
	}
}

// FromReport turns every entry of an Ignition or Butane report into a problem; nil when there is none.
func FromReport(rpt report.Report) error {
	var l problem.List
	for _, e := range rpt.Entries {
		p := &problem.Problem{Path: e.Context.String(), Reason: e.Message}
		if e.Marker.StartP != nil {
			p.Line, p.Column = int(e.Marker.StartP.Line), int(e.Marker.StartP.Column)
		}
		l.Append(p)
	}
	return l.Err()
}
