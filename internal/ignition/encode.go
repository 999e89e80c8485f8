// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package ignition

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_2/types"
	"github.com/coreos/ignition/v2/config/validate"
)

// MaxSize is the largest config in bytes. Ignition reads QEMU's fw_cfg in quadratic time, so more would stall the boot.
const MaxSize = 256 << 10

// SizeError is returned for a config that is larger than MaxSize, with what makes it so.
type SizeError struct {
	Size, Limit int
	// Largest are the biggest parts, biggest first.
	Largest []Part
}

// Part is one named piece of a config with its size in the output in bytes.
type Part struct {
	Name string
	Size int
}

// Error lists the biggest parts.
func (e *SizeError) Error() string {
	parts := make([]string, len(e.Largest))
	for i, p := range e.Largest {
		parts[i] = fmt.Sprintf("%s (%d)", p.Name, p.Size)
	}
	return fmt.Sprintf("config is %d bytes, at most %d are accepted; largest parts: %s", e.Size, e.Limit, strings.Join(parts, ", "))
}

// Encode validates cfg and writes it as canonical JSON: sorted keys, no empty objects, no insignificant space.
// It fails with problem.Problem values (paths of the output) when Ignition would refuse the config, and with *SizeError.
func Encode(cfg types.Config) ([]byte, error) {
	cfg.Ignition.Version = types.MaxVersion.String()
	raw, err := marshal(cfg)
	if err != nil {
		return nil, fmt.Errorf("marshal config: %w", err)
	}
	if len(raw) > MaxSize {
		return nil, &SizeError{Size: len(raw), Limit: MaxSize, Largest: largest(raw)}
	}
	// By Ignition's own rules, on what was marshalled: parsing it again would cost a third of the whole rendering.
	if rpt := validate.ValidateWithContext(cfg, nil); rpt.IsFatal() {
		return nil, FromReport(rpt)
	}
	return raw, nil
}

// EncodeLayers merges layers and encodes the result. Problems name the layer that they come from, and the place in it.
func EncodeLayers(layers ...Layer) ([]byte, error) {
	merged := Merge(layers...)
	raw, err := Encode(merged)
	return raw, withProvenance(err, &merged, layers)
}

func marshal(cfg any) ([]byte, error) {
	typed, err := json.Marshal(cfg)
	if err != nil {
		return nil, err
	}
	var tree any
	dec := json.NewDecoder(bytes.NewReader(typed))
	dec.UseNumber()
	if err := dec.Decode(&tree); err != nil {
		return nil, err
	}
	tree, _ = prune(tree)
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false) // "<" and "&" are common in unit files and scripts
	if err := enc.Encode(tree); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// prune drops empty objects, which Ignition's Go types write for every optional struct; empty reports whether the value was one.
func prune(v any) (pruned any, empty bool) {
	switch t := v.(type) {
	case map[string]any:
		for k, inner := range t {
			if p, gone := prune(inner); gone {
				delete(t, k)
			} else {
				t[k] = p
			}
		}
		return t, len(t) == 0
	case []any:
		for i, inner := range t {
			t[i], _ = prune(inner)
		}
	}
	return v, false
}

// largest finds the biggest parts of a config of any spec.
func largest(raw []byte) []Part {
	type list []map[string]json.RawMessage
	var cfg struct {
		Ignition struct {
			Config struct{ Merge list }
		}
		Storage struct{ Files list }
		Systemd struct{ Units list }
		Passwd  struct{ Users list }
	}
	if json.Unmarshal(raw, &cfg) != nil {
		return nil // it was written a moment ago
	}
	var parts []Part
	add := func(what, key string, things list) {
		for i, thing := range things {
			size := 0
			for k, v := range thing {
				size += len(k) + len(v) + len(`"":,`)
			}
			name := strconv.Itoa(i)
			if key != "" {
				name = strings.Trim(string(thing[key]), `"`)
			}
			parts = append(parts, Part{Name: what + " " + name, Size: size})
		}
	}
	add("file", "path", cfg.Storage.Files)
	add("unit", "name", cfg.Systemd.Units)
	add("user", "name", cfg.Passwd.Users)
	add("merged config", "", cfg.Ignition.Config.Merge)
	slices.SortStableFunc(parts, func(a, b Part) int { return cmp.Compare(b.Size, a.Size) })
	return parts[:min(len(parts), 5)]
}
