// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package ignition

import (
	"encoding/json"
	"errors"
	"fmt"

	ignerrors "github.com/coreos/ignition/v2/config/shared/errors"
	"github.com/coreos/ignition/v2/config/v3_2/types"
	"github.com/coreos/ignition/v2/config/v3_3"
	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_5"
	newest "github.com/coreos/ignition/v2/config/v3_6"
	newesttypes "github.com/coreos/ignition/v2/config/v3_6/types"
	"github.com/coreos/vcontext/report"

	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// Latest is a config of any released spec, in the types of the newest one. Ours are never newer than 3.2.0; another
// bootstrap provider's may be.
type Latest struct{ config newesttypes.Config }

// NeedsLatest reports whether one of the documents needs more than spec 3.2.0.
func NeedsLatest(docs []Document) bool {
	for _, d := range docs {
		switch d.Version {
		case "", "3.0.0", "3.1.0", "3.2.0":
		default:
			return true
		}
	}
	return false
}

// Latest reads the config in any released spec of Ignition 2. Warnings are its author's.
func (d Document) Latest() (Latest, error) {
	cfg, rpt, err := newest.ParseCompatibleVersion(d.Raw)
	if found := FromReport(rpt); found != nil && err != nil {
		return Latest{}, problem.In(d.Name, found)
	}
	switch {
	case errors.Is(err, ignerrors.ErrUnknownVersion):
		return Latest{}, problem.In(d.Name, problem.Newf("ignition.version", "must be a released spec between 3.0.0 and %s", newesttypes.MaxVersion))
	case err != nil:
		return Latest{}, problem.In(d.Name, problem.Newf("", "is not an Ignition config: %v", err))
	}
	merge := cfg.Ignition.Config.Merge
	cfg.Ignition.Config.Merge = nil
	for _, i := range d.fetched {
		cfg.Ignition.Config.Merge = append(cfg.Ignition.Config.Merge, merge[i])
	}
	return Latest{cfg}, nil
}

// Accounts is a layer of the users and groups, with what altcos.OwnGroups needs of them.
func (n Latest) Accounts() Layer {
	var l Layer
	for _, u := range n.config.Passwd.Users {
		l.Config.Passwd.Users = append(l.Config.Passwd.Users, types.PasswdUser{
			Name: u.Name, PrimaryGroup: u.PrimaryGroup, ShouldExist: u.ShouldExist, NoUserGroup: u.NoUserGroup})
	}
	for _, g := range n.config.Passwd.Groups {
		l.Config.Passwd.Groups = append(l.Config.Passwd.Groups, types.PasswdGroup{Name: g.Name, ShouldExist: g.ShouldExist})
	}
	return l
}

// Lift returns a layer as what Ignition makes of it in newer specs.
func Lift(l Layer) (Latest, error) {
	l.Config.Ignition.Version = types.MaxVersion.String()
	raw, err := json.Marshal(l.Config)
	if err != nil {
		return Latest{}, fmt.Errorf("marshal layer %q: %w", l.Name, err)
	}
	cfg, rpt, err := newest.ParseCompatibleVersion(raw)
	if found := FromReport(rpt); found != nil && err != nil {
		return Latest{}, problem.In(l.Name, problem.WithoutPlaces(found))
	}
	if err != nil {
		return Latest{}, fmt.Errorf("lift layer %q: %w", l.Name, err)
	}
	return Latest{cfg}, nil
}

// EncodeLatest merges layers and writes them in the newest spec that one of docs has, so that no newer Ignition is
// needed than before. Errors are as those of Encode.
func EncodeLatest(docs []Document, layers []Latest) ([]byte, error) {
	version := types.MaxVersion.String()
	for _, d := range docs {
		version = max(version, d.Version) // minor versions have one digit
	}
	var merged newesttypes.Config
	for i, l := range layers {
		if i == 0 {
			merged = l.config
			continue
		}
		merged = newest.Merge(merged, l.config)
	}
	merged.Ignition.Version = version
	raw, err := marshal(merged)
	if err != nil {
		return nil, fmt.Errorf("marshal config: %w", err)
	}
	if len(raw) > MaxSize {
		return nil, &SizeError{Size: len(raw), Limit: MaxSize, Largest: largest(raw)}
	}
	return raw, checkLatest(version, raw)
}

// checkLatest reads a config by the rules of its own spec.
func checkLatest(version string, raw []byte) error {
	var rpt report.Report
	var err error
	switch version {
	case "3.3.0":
		_, rpt, err = v3_3.Parse(raw)
	case "3.4.0":
		_, rpt, err = v3_4.Parse(raw)
	case "3.5.0":
		_, rpt, err = v3_5.Parse(raw)
	default:
		_, rpt, err = newest.Parse(raw)
	}
	if err == nil {
		return nil
	}
	if found := FromReport(rpt); found != nil {
		return problem.WithoutPlaces(found)
	}
	return problem.Newf("", "is not an Ignition config: %v", err)
}
