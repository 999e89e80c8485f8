// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const conditionsHead = `# Conditions and what to do

Generated from the comments of the API's constants by ` + "`make generate`" + `; see [states.md](states.md) for the order of the phases.

`

// writeConditions writes a table of conditions and reasons for each kind.
func writeConditions(target string) error {
	files, err := filepath.Glob("api/*/*/*_conditions.go")
	if err != nil {
		return err
	}
	text := conditionsHead
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		section, err := conditionTable(name, data)
		if err != nil {
			return err
		}
		text += section
	}
	return os.WriteFile(target, []byte(text), 0o644)
}

// conditionTable turns the constants of a kind into a table. A blank line ends the reasons of a condition.
func conditionTable(name string, source []byte) (string, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, source, parser.ParseComments)
	if err != nil {
		return "", err
	}
	var kind string
	rows := []string{}
	last := 0
	for _, decl := range file.Decls {
		for _, spec := range decl.(*ast.GenDecl).Specs {
			constant := spec.(*ast.ValueSpec)
			id := constant.Names[0].Name
			value, err := strconv.Unquote(constant.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				return "", err
			}
			text := strings.TrimPrefix(strings.Join(strings.Fields(constant.Doc.Text()), " "), id+" ")
			newGroup := fset.Position(constant.Doc.Pos()).Line > last+1
			last = fset.Position(constant.End()).Line
			if strings.HasSuffix(id, "Condition") {
				kind = id[:strings.Index(filepath.Base(name), "_")] // the file is named after the kind
				rows = append(rows, fmt.Sprintf("| **%s** | | %s | |", value, strings.TrimSuffix(text, ".")))
				continue
			}
			if newGroup {
				rows = append(rows, "| **any of them** | | | |")
			}
			meaning, todo, err := explain(id, value, text)
			if err != nil {
				return "", err
			}
			rows = append(rows, fmt.Sprintf("| | %s | %s | %s |", value, meaning, todo))
		}
	}
	return fmt.Sprintf("\n## %s\n\n| condition | reason | meaning | what to do |\n|---|---|---|---|\n%s\n", kind, strings.Join(rows, "\n")), nil
}

// explain splits the comment of a reason into what it means and what to do.
func explain(id, value, text string) (meaning, todo string, err error) {
	if value == "Ready" {
		return "the condition is true", "", nil
	}
	text, ok := strings.CutPrefix(text, "means that ")
	meaning, todo, found := strings.Cut(text, ". ")
	if !ok || !found {
		return "", "", fmt.Errorf("the comment of %s must be %q", id, id+" means that <what>. <What to do>.")
	}
	return meaning, strings.TrimSuffix(todo, "."), nil
}
