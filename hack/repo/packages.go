// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const packagesHead = `# Packages

Generated from the layers in .golangci.yml and the packages' own comments by ` + "`make generate`" + `. A package imports only its own
layer and those above it in this list; see [architecture.md](architecture.md).
`

// writePackages writes what each package is for, by layer.
func writePackages(target string, layers []layer, packages []string) error {
	text := packagesHead
	layered := map[string]bool{}
	for _, l := range layers {
		for _, p := range l.packages() {
			layered[p] = true
		}
		section, err := packageTable(l.name[2:], l.packages())
		if err != nil {
			return err
		}
		text += section
	}
	others := slices.DeleteFunc(slices.Clone(packages), func(p string) bool { return layered[p] })
	section, err := packageTable("programs and test support", others)
	if err != nil {
		return err
	}
	return os.WriteFile(target, []byte(text+section), 0o644)
}

func packageTable(title string, packages []string) (string, error) {
	text := fmt.Sprintf("\n## %s\n\n| package | what |\n|---|---|\n", title)
	for _, p := range slices.Sorted(slices.Values(packages)) {
		synopsis, err := synopsis(p)
		if err != nil {
			return "", err
		}
		text += fmt.Sprintf("| `%s` | %s |\n", p, synopsis)
	}
	return text, nil
}

// synopsis is the first sentence of a package's comment, which may be in a test when the package has only tests.
func synopsis(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return "", err
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			return "", err
		}
		if text := file.Doc.Text(); text != "" {
			text = (&doc.Package{}).Synopsis(text)
			return strings.TrimPrefix(text, "Package "+filepath.Base(dir)+" "), nil
		}
	}
	return "", fmt.Errorf("package %s has no comment that says what it is for", dir)
}
