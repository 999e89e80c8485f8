// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package ignition_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coreos/ignition/v2/config/v3_2/types"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

// nest is a config with a file of this name, and other configs merged inline into it.
func nest(t testing.TB, name string, inner ...[]byte) []byte {
	t.Helper()
	cfg := types.Config{Ignition: types.Ignition{Version: "3.2.0"}}
	if name != "" {
		cfg.Storage.Files = []types.File{{Node: types.Node{Path: "/" + name}}}
	}
	for _, raw := range inner {
		cfg.Ignition.Config.Merge = append(cfg.Ignition.Config.Merge, ignition.Inline(raw))
	}
	out, err := json.Marshal(cfg)
	assert.NoError(t, err)
	return out
}

func fetching(url string) []byte {
	return []byte(`{"ignition":{"version":"3.2.0","config":{"merge":[{"source":"` + url + `"}]}}}`)
}

func TestOpen_givesConfigsInTheOrderInWhichTheyWin(t *testing.T) {
	docs, err := ignition.NewFlattener().Flatten("mine", nest(t, "a", nest(t, "b", nest(t, "c")), nest(t, "d"), fetching("http://x/")))
	assert.NoError(t, err)
	var got []string
	for _, d := range docs {
		l, err := d.Layer(true)
		assert.NoError(t, err)
		text := l.Name + ":"
		for _, f := range l.Config.Storage.Files {
			text += " " + f.Path
		}
		for _, r := range l.Config.Ignition.Config.Merge {
			text += " " + *r.Source
		}
		got = append(got, text)
	}
	want := []string{
		"mine: /a", "mine: ignition.config.merge[0]: /b", "mine: ignition.config.merge[0]: ignition.config.merge[0]: /c",
		"mine: ignition.config.merge[1]: /d", "mine: ignition.config.merge[2]: http://x/",
	}
	assert.Equal(t, want, got)
}

func TestOpen_refusesWithPath(t *testing.T) {
	replacing := []byte(`{"ignition":{"version":"3.2.0","config":{"replace":{"source":"data:,{}"}}}}`)
	const replaced = "ignition.config.replace: would drop what makes this machine a node: use ignition.config.merge"
	const late = ", which is fetched by the machine and would win over this config: put the fetched one last"
	cases := map[string]struct {
		in   []byte
		want string
	}{
		"a replacement":                     {replacing, "mine: " + replaced},
		"a replacement inside":              {nest(t, "", replacing), "mine: ignition.config.merge[0]: " + replaced},
		"one after a fetched one":           {nest(t, "", fetching("http://x/"), nest(t, "b")), "mine: ignition.config.merge[1]: comes after mine: ignition.config.merge[0]: ignition.config.merge[0]" + late},
		"a source that is not valid base64": {[]byte(`{"ignition":{"version":"3.2.0","config":{"merge":[{"source":"data:;base64,%"}]}}}`), `mine: ignition.config.merge[0]: read resource: decode data URL: invalid data character`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := ignition.NewFlattener().Flatten("mine", tc.in)
			if found := problem.All(err); len(found) != 1 || found[0].Error() != tc.want {
				t.Errorf("\n got %v\nwant %s", err, tc.want)
			}
		})
	}
}

func TestOpen_putsTheFetchedConfigLastAmongLayers(t *testing.T) {
	o := ignition.NewFlattener()
	if _, err := o.Flatten("butaneFrom[0]", fetching("http://x/")); err != nil {
		t.Fatal(err)
	}
	_, err := o.Flatten("butane", nest(t, "a"))
	if err == nil || err.Error() != "butane: comes after butaneFrom[0]: ignition.config.merge[0], which is fetched by the machine and would win over this config: put the fetched one last" {
		t.Errorf("got %v", err)
	}
}

// TestOpen_hasOneBudgetForAll: each of these is small to begin with, and was seconds of work.
func TestOpen_hasOneBudgetForAll(t *testing.T) {
	tree := nest(t, "leaf")
	for range 6 {
		tree = nest(t, "", tree, tree, tree, tree)
	}
	deep := nest(t, "leaf")
	for range 10 {
		deep = nest(t, "", deep)
	}
	blank := nest(t, "", append(nest(t, "leaf"), []byte(strings.Repeat(" ", 900<<10))...))
	values := []byte(`{"ignition":{"version":"3.2.0"},"storage":{"files":[` + strings.Repeat("{},", 10000) + `{}]}}`)
	for name, in := range map[string]struct {
		raw  []byte
		want string
	}{
		"many":   {tree, "is one of more than 64 configs for one machine"},
		"deep":   {deep, "is more than 8 configs deep inside another"},
		"large":  {nest(t, "", blank, blank), "more than"},
		"values": {nest(t, "", values), "the configs of one machine have more than 16384 values together"},
	} {
		t.Run(name, func(t *testing.T) {
			if len(in.raw) > 20<<10 {
				t.Errorf("it is large: %d bytes", len(in.raw))
			}
			start := time.Now()
			_, err := ignition.NewFlattener().Flatten("mine", in.raw)
			if err == nil || !strings.Contains(err.Error(), in.want) || len(problem.All(err)) != 1 {
				t.Errorf("got %v", err)
			}
			if took := time.Since(start); took > 30*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestLayer_saysThatASpecIsTooNew(t *testing.T) {
	docs, err := ignition.NewFlattener().Flatten("mine", []byte(`{"ignition":{"version":"3.3.0"}}`))
	assert.NoError(t, err)
	if _, err := docs[0].Layer(true); err == nil || !strings.HasPrefix(err.Error(), "mine: ignition.version: must be between 3.0.0 and 3.2.0 ") {
		t.Errorf("got %v", err)
	}
}

// FuzzOpen: whatever the config is, it is refused with a problem, or taken apart within the budget into documents that
// hold no other.
func FuzzOpen(f *testing.F) {
	f.Add(nest(f, "a", nest(f, "b", nest(f, "c")), nest(f, "d"), fetching("http://x/")))
	f.Add([]byte(`{"ignition":{"config":{"merge":[{"compression":"gzip","source":"data:;base64,H4sI"}]}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		docs, err := ignition.NewFlattener().Flatten("", raw)
		if err != nil {
			if len(problem.All(err)) == 0 {
				t.Fatalf("no problem in %v", err)
			}
			return
		}
		if len(docs) == 0 || len(docs) > 64 {
			t.Fatalf("%d documents", len(docs))
		}
		for _, d := range docs {
			l, err := d.Layer(false)
			if err != nil && len(problem.All(err)) == 0 {
				t.Fatalf("no problem in %v", err)
			}
			for _, r := range l.Config.Ignition.Config.Merge {
				if strings.HasPrefix(*r.Source, "data:") {
					t.Fatal("a config is inside another still")
				}
			}
		}
	})
}

func TestMerge_forgetsHowADisabledUnitWasEnabled(t *testing.T) {
	for name, user := range map[string]types.Unit{
		"disabled": {Name: "x.service", Enabled: new(false)}, "masked": {Name: "x.service", Mask: new(true)},
	} {
		t.Run(name, func(t *testing.T) {
			base := layer("base", func(b *ignition.Builder) {
				for _, unit := range []string{"x.service", "y.service"} {
					b.Unit(unit, ignition.UnitText{}, "multi-user.target")
				}
			})
			merged := ignition.Merge(base, ignition.Layer{Config: types.Config{Systemd: types.Systemd{Units: []types.Unit{user}}}})
			if links := merged.Storage.Links; len(links) != 1 || links[0].Path != "/etc/systemd/system/multi-user.target.wants/y.service" {
				t.Errorf("links are %v", fmt.Sprint(links))
			}
			if len(base.Config.Storage.Links) != 2 {
				t.Error("the layer itself changed")
			}
		})
	}
}

func TestEncodeLayers_namesTheLayerThatIsInTheWay(t *testing.T) {
	base := layer("base", func(b *ignition.Builder) {
		b.File("/etc/a", 0o644, nil)
		b.Unit("x.service", ignition.UnitText{}.Section("Unit", ignition.Set("Description", "x")))
	})
	user := layer("butane", func(b *ignition.Builder) { b.File("/etc/systemd/system/x.service", 0o644, nil) })
	_, err := ignition.EncodeLayers(base, user)
	found := problem.All(err)
	if len(found) != 1 || found[0].Error() != "butane: $.storage.files.0.path: path conflicts with systemd unit or dropin" {
		t.Errorf("got %v", err)
	}
}
