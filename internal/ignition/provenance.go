// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package ignition

import (
	"regexp"
	"slices"
	"strconv"

	"github.com/coreos/ignition/v2/config/v3_2/types"

	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// listed matches the path of an item in a list that layers merge by keys.
var listed = regexp.MustCompile(`^\$\.(storage\.(?:files|directories|links)|systemd\.units|passwd\.users)\.([0-9]+)(.*)$`)

// withProvenance makes the problems of a merged config name the layer that an item comes from, and its place there.
func withProvenance(err error, merged *types.Config, layers []Layer) error {
	var l problem.List
	for _, p := range problem.All(err) {
		named := *p
		if m := listed.FindStringSubmatch(p.Path); m != nil {
			if i, err := strconv.Atoi(m[2]); err == nil && i < len(keys(merged, m[1])) {
				named.Source, named.Path = owner(layers, p.Path, m, keys(merged, m[1])[i])
			}
		}
		l.Append(&named)
	}
	if l.Empty() {
		return err
	}
	return l.Err()
}

// owner finds the last layer that has the key.
func owner(layers []Layer, path string, match []string, key string) (source, place string) {
	for _, l := range slices.Backward(layers) {
		if i := slices.Index(keys(&l.Config, match[1]), key); i >= 0 {
			return l.Name, "$." + match[1] + "." + strconv.Itoa(i) + match[3]
		}
	}
	return "", path
}

func keys(c *types.Config, list string) []string {
	var out []string
	switch list {
	case "storage.files":
		for _, f := range c.Storage.Files {
			out = append(out, f.Path)
		}
	case "storage.directories":
		for _, d := range c.Storage.Directories {
			out = append(out, d.Path)
		}
	case "storage.links":
		for _, l := range c.Storage.Links {
			out = append(out, l.Path)
		}
	case "systemd.units":
		for _, u := range c.Systemd.Units {
			out = append(out, u.Name)
		}
	case "passwd.users":
		for _, u := range c.Passwd.Users {
			out = append(out, u.Name)
		}
	}
	return out
}
