// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package firstboot_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
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

// A seed-era image has Ignition 2.14 and a new one has the newest: an engine of another version proves something else.
func TestEngines_areOfTheVersionsThatImagesHave(t *testing.T) {
	releases := map[string]string{"Debian": `^Ignition Debian 2\.14\.`, "module": `^Ignition ` + regexp.QuoteMeta(binaries.IgnitionVersion) + `$`}
	if !strings.HasPrefix(binaries.IgnitionVersion, "v2.27.") {
		t.Errorf("the lab builds Ignition %s; say here which one is meant", binaries.IgnitionVersion)
	}
	for _, engine := range engines(t) {
		want := regexp.MustCompile(releases[engine.Name])
		validator, program, err := engine.Versions(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !want.MatchString(validator) || !want.MatchString(program) {
			t.Errorf("%s: the validator is %q and the engine %q, want %s", engine.Name, validator, program, want)
		}
		delete(releases, engine.Name)
	}
	if len(releases) > 0 {
		t.Errorf("no engines for %v", releases)
	}
}

// Every package that renders has goldens, and none of them is lost on the way here.
func TestGoldens_comeFromEveryPackageThatHasSome(t *testing.T) {
	found := map[string]int{}
	total := 0
	for path := range goldens(t) {
		dir, _, _ := strings.Cut(path, "/testdata/")
		found[dir]++
		total++
	}
	for dir, least := range map[string]int{
		"internal/ignition/altcos": 7, "internal/ignition/fromcloudconfig": 3, "internal/ignition/render": 6, "cmd/kubectl-altcos/offline": 3,
	} {
		if found[dir] < least {
			t.Errorf("%s has %d golden configs, want at least %d", dir, found[dir], least)
		}
	}
	if total < 19 {
		t.Errorf("only %d golden configs were found", total)
	}
}

func TestEngines_acceptAndApplyEveryGolden(t *testing.T) {
	all := goldens(t)
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
