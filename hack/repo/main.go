// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Repo checks what no linter of golangci-lint checks and generates what the documentation says about the source:
//
//	repo check   the size of packages, and that depguard's layers name every package
//	repo docs    docs/conditions.md and docs/packages.md
//
// It is run in the root of the module.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

const module = "github.com/altcos/cluster-api-provider-altcos/"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	packages, err := goList()
	if err != nil {
		return err
	}
	config, err := os.ReadFile(".golangci.yml")
	if err != nil {
		return err
	}
	layers, product, err := parseLayers(config)
	if err != nil {
		return err
	}
	switch strings.Join(args, " ") {
	case "check":
		problems, err := largePackages(packages)
		if err != nil {
			return err
		}
		for _, gap := range gaps(layers, product, packages) {
			problems = append(problems, ".golangci.yml: depguard: "+gap)
		}
		if len(problems) > 0 {
			return errors.New(strings.Join(problems, "\n"))
		}
		return nil
	case "docs":
		if err := writeConditions("docs/conditions.md"); err != nil {
			return err
		}
		return writePackages("docs/packages.md", layers, packages)
	}
	return errors.New("usage: repo check|docs")
}

// goList returns the paths of all packages below the module's.
func goList() ([]string, error) {
	out, err := exec.Command("go", "list", "./...").Output() //nolint:noctx // it ends with this program
	if err != nil {
		return nil, fmt.Errorf("run go list: %w", err)
	}
	var packages []string
	for _, p := range strings.Fields(string(out)) {
		if p, below := strings.CutPrefix(p, module); below {
			packages = append(packages, p)
		}
	}
	return packages, nil
}
