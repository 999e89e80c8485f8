// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// maxPackage is how many lines a package may have, without tests and generated files.
const maxPackage = 1500

// largePackages reports packages that are too large.
func largePackages(dirs []string) ([]string, error) {
	var problems []string
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			return nil, err
		}
		size := 0
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(filepath.Base(name), "zz_generated.") {
				continue
			}
			data, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			size += bytes.Count(data, []byte("\n"))
		}
		if size > maxPackage {
			problems = append(problems, fmt.Sprintf("package %s has %d lines, more than %d: split it by topic", dir, size, maxPackage))
		}
	}
	return problems, nil
}
