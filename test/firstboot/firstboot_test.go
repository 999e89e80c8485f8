// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package firstboot_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v3 "github.com/coreos/ignition/v2/config/v3_2"

	"github.com/altcos/cluster-api-provider-altcos/test/firstboot"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/binaries"
)

// goldens returns every golden Ignition config of the repository.
func goldens(t *testing.T) map[string][]byte {
	t.Helper()
	root, err := binaries.Root()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]byte{}
	for _, dir := range []string{"internal", "cmd"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".golden.ign") {
				return err
			}
			found[strings.TrimPrefix(path, root+"/")], err = os.ReadFile(path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func engines(t *testing.T) []firstboot.Engine {
	t.Helper()
	list, err := firstboot.Engines(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestEngines_acceptAndApplyEveryGolden(t *testing.T) {
	all := goldens(t)
	if len(all) < 10 {
		t.Fatalf("only %d golden configs were found", len(all))
	}
	for _, engine := range engines(t) {
		for path, config := range all {
			t.Run(engine.Name+"/"+path, func(t *testing.T) {
				if err := engine.Validate(t.Context(), config); err != nil {
					t.Error(err)
				}
				apply(t, engine, config)
			})
		}
	}
}

func apply(t *testing.T, engine firstboot.Engine, config []byte) {
	t.Helper()
	parsed, _, err := v3.Parse(config)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := firstboot.NewRoot(dir); err != nil {
		t.Fatal(err)
	}
	before, err := firstboot.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	want, err := firstboot.Expect(before, parsed)
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Apply(t.Context(), config, dir); err != nil {
		t.Fatal(err)
	}
	got, err := firstboot.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, difference := range firstboot.Compare(want, got) {
		t.Error(difference)
	}
}

func TestEngines_refuseWhatIsWrong(t *testing.T) {
	for _, engine := range engines(t) {
		for name, config := range map[string]string{
			"a newer specification":    `{"ignition":{"version":"3.9.0"}}`,
			"the specification 2":      `{"ignition":{"version":"2.3.0"}}`,
			"a relative path":          `{"ignition":{"version":"3.2.0"},"storage":{"files":[{"path":"x"}]}}`,
			"a warning: unit unusable": `{"ignition":{"version":"3.2.0"},"systemd":{"units":[{"name":"x.service","enabled":true,"contents":"[Unit]\n"}]}}`,
		} {
			t.Run(engine.Name+"/"+name, func(t *testing.T) {
				if engine.Validate(t.Context(), []byte(config)) == nil {
					t.Error("it is accepted")
				}
			})
		}
	}
}

func TestCompare_seesWhatDiffers(t *testing.T) {
	want := firstboot.Tree{"/a": {Mode: 0o600, Content: "x"}, "/b": {Mode: 0o600}, "/c": {Mode: 0o600}}
	got := firstboot.Tree{"/a": {Mode: 0o644, Content: "x"}, "/b": {Mode: 0o600}, "/d": {Mode: 0o600}}
	if found := firstboot.Compare(want, got); len(found) != 3 {
		t.Errorf("got %q", found)
	}
}
