// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// layer is a rule of depguard whose name begins with a digit, from the bottom. Its files are "**/<package>/*.go".
type layer struct {
	name  string
	Files []string `json:"files"`
	Deny  []struct {
		Package string `json:"pkg"`
	} `json:"deny"`
}

// parseLayers returns the layers, and the rule for everything but tests.
func parseLayers(config []byte) (layers []layer, product layer, err error) {
	var content struct {
		Linters struct {
			Settings struct {
				Depguard struct {
					Rules map[string]layer `json:"rules"`
				} `json:"depguard"`
			} `json:"settings"`
		} `json:"linters"`
	}
	if err := yaml.Unmarshal(config, &content); err != nil {
		return nil, layer{}, fmt.Errorf("read .golangci.yml: %w", err)
	}
	rules := content.Linters.Settings.Depguard.Rules
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		if name[0] >= '1' && name[0] <= '9' {
			l := rules[name]
			l.name = name
			layers = append(layers, l)
		}
	}
	return layers, rules["product"], nil
}

// gaps reports packages without a layer or with several, and packages that a layer below theirs may import. Test support,
// whose names end with test, is in no layer and denied to the whole product.
func gaps(layers []layer, product layer, packages []string) []string {
	problems := unplaced(layers, product, packages)
	seen := map[string]string{}
	for i, upper := range layers {
		for _, p := range upper.packages() {
			if other, twice := seen[p]; twice {
				problems = append(problems, fmt.Sprintf("package %s is in the layers %s and %s", p, other, upper.name))
			}
			seen[p] = upper.name
			if !slices.Contains(packages, p) {
				problems = append(problems, fmt.Sprintf("package %s of layer %s does not exist", p, upper.name))
			}
			for _, lower := range layers[:i] {
				if !lower.denies(p) {
					problems = append(problems, fmt.Sprintf("layer %s does not deny %s, which is above it", lower.name, p))
				}
			}
		}
	}
	return problems
}

func unplaced(layers []layer, product layer, packages []string) []string {
	var problems []string
	for _, p := range packages {
		if strings.HasSuffix(p, "test") {
			if !product.denies(p) {
				problems = append(problems, fmt.Sprintf("rule product does not deny the test support %s", p))
			}
			continue
		}
		layered := strings.HasPrefix(p, "api/") || strings.HasPrefix(p, "internal/") || strings.HasPrefix(p, "controllers/")
		if layered && !slices.ContainsFunc(layers, func(l layer) bool { return slices.Contains(l.packages(), p) }) {
			problems = append(problems, fmt.Sprintf("package %s is in no layer: add it to the files of one, and to what the layers below deny", p))
		}
	}
	return problems
}

func (l layer) packages() []string {
	var out []string
	for _, pattern := range l.Files {
		if p, ok := strings.CutPrefix(pattern, "**/"); ok {
			out = append(out, strings.TrimSuffix(p, "/*.go"))
		}
	}
	return out
}

// denies matches as depguard does: by prefix, or exactly with $.
func (l layer) denies(p string) bool {
	for _, d := range l.Deny {
		denied, below := strings.CutPrefix(d.Package, module)
		exact, whole := strings.CutSuffix(denied, "$")
		if below && (whole && exact == p || !whole && strings.HasPrefix(p, denied)) {
			return true
		}
	}
	return false
}
