// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/cmd/kubectl-altcos/offline"
)

func TestRun_writesFilesThatOnlyTheirOwnerReads(t *testing.T) {
	data, err := os.ReadFile("offline/testdata/cluster.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	old := filepath.Join(dir, "extra.ign")
	if err := os.WriteFile(old, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	var messages bytes.Buffer
	if err := run(t.Context(), []string{"render", "-f", "-", "-o", dir}, bytes.NewReader(data), &messages); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(old)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != fs.FileMode(0o600) || info.Size() < 100 {
		t.Errorf("%s has mode %s and %d bytes", old, info.Mode(), info.Size())
	}
	if !strings.HasPrefix(messages.String(), "warning: ") {
		t.Errorf("messages are %q", messages.String())
	}
}

func TestRun_takesFurtherFiles(t *testing.T) {
	data, err := os.ReadFile("offline/testdata/cluster.yaml")
	if err != nil {
		t.Fatal(err)
	}
	first, second, _ := bytes.Cut(data, []byte("---\n"))
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yaml")
	for name, part := range map[string][]byte{a: first, b: second} {
		if err := os.WriteFile(name, part, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(t.Context(), []string{"render", "-f", a, b, "-o", dir}, strings.NewReader(""), &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "extra.ign")); err != nil {
		t.Error(err)
	}
}

func TestRun_refuses(t *testing.T) {
	dir := t.TempDir()
	for name, args := range map[string][]string{
		"no command":          nil,
		"an unknown command":  {"draw"},
		"no file":             {"render", "-o", dir},
		"no directory":        {"render", "-f", "-"},
		"files without -f":    {"render", "-o", dir, "-"},
		"a file that is not":  {"render", "-f", filepath.Join(dir, "absent"), "-o", dir},
		"data that is not":    {"render", "-f", "-", "-o", dir, "--bootstrap-data", filepath.Join(dir, "absent")},
		"an unknown flag":     {"render", "--fast"},
		"manifests of no use": {"render", "-f", "-", "-o", dir},
	} {
		t.Run(name, func(t *testing.T) {
			if err := run(t.Context(), args, strings.NewReader("kind: X"), &bytes.Buffer{}); err == nil {
				t.Error("it is accepted")
			}
		})
	}
	if found, err := os.ReadDir(dir); err != nil || len(found) > 0 {
		t.Errorf("something was written: %v, %v", found, err)
	}
}

func TestWrite_staysBelowItsDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := write(filepath.Join(dir, "out"), []offline.File{{Path: "../evil", Mode: 0o600}}); err == nil {
		t.Error("it is accepted")
	}
	if found, err := os.ReadDir(dir); err != nil || len(found) > 0 {
		t.Errorf("something was written: %v, %v", found, err)
	}
}
