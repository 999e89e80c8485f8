// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGaps_findsWhatTheLayersMiss(t *testing.T) {
	config := `linters: {settings: {depguard: {rules: {
product: {files: [$all], deny: [{pkg: ` + module + `internal/b/faketest}]},
1-pure: {files: ["**/internal/a/*.go", "!$test"], deny: [{pkg: ` + module + `internal/b$}, {pkg: ` + module + `controllers}]},
2-services: {files: ["**/internal/b/*.go", "**/internal/b/c/*.go", "**/internal/a/*.go", "**/internal/gone/*.go"], deny: []},
3-controllers: {files: ["**/controllers/x/*.go"]}}}}}`
	layers, product, err := parseLayers([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	got := gaps(layers, product, []string{"internal/a", "internal/b/faketest", "internal/b/othertest", "internal/b", "internal/b/c", "internal/new", "controllers/x", "cmd/y"})
	want := []string{
		"rule product does not deny the test support internal/b/othertest",
		"package internal/new is in no layer: add it to the files of one, and to what the layers below deny",
		"layer 1-pure does not deny internal/b/c, which is above it",
		"package internal/a is in the layers 1-pure and 2-services",
		"layer 1-pure does not deny internal/a, which is above it",
		"package internal/gone of layer 2-services does not exist",
		"layer 1-pure does not deny internal/gone, which is above it",
		"layer 2-services does not deny controllers/x, which is above it",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestLargePackages_countsNeitherTestsNorGeneratedFiles(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int{"a/a.go": maxPackage, "a/a_test.go": 5, "a/zz_generated.deepcopy.go": 5, "b/b.go": 1, "b/c.go": maxPackage} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(strings.Repeat("\n", size)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := largePackages([]string{filepath.Join(dir, "a"), filepath.Join(dir, "b")})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || !strings.Contains(got[0], "/b has 1501 lines") {
		t.Errorf("got %q", got)
	}
}

func TestConditionTable_splitsMeaningAndWhatToDo(t *testing.T) {
	const head = "package v1\n\nconst (\n// KindLiveCondition is true when it lives.\nKindLiveCondition = \"Live\"\n"
	got, err := conditionTable("kind_conditions.go", []byte(head+"// KindDeadReason means that spec.life is\n// over. Bury it. Mourn.\nKindDeadReason = \"Dead\"\n\n"+
		"// KindReadyReason is of all true conditions.\nKindReadyReason = \"Ready\"\n)\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := "\n## Kind\n\n| condition | reason | meaning | what to do |\n|---|---|---|---|\n| **Live** | | is true when it lives | |\n" +
		"| | Dead | spec.life is over | Bury it. Mourn |\n| **any of them** | | | |\n| | Ready | the condition is true |  |\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, err := conditionTable("kind_conditions.go", []byte(head+"// KindDeadReason says that it is dead.\nKindDeadReason = \"Dead\"\n)\n")); err == nil {
		t.Error("a reason without what to do is accepted")
	}
}
