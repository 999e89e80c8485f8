// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"context"
	_ "embed" // the scripts are files so that linters and people can read them
	"fmt"
	"strings"
)

// Runner runs a POSIX shell script as root on one host and returns its standard output; sshexec.Connection is one.
type Runner interface {
	RunScript(ctx context.Context, script string, stdin []byte) ([]byte, error)
}

//go:embed scripts/prelude.sh
var preludeScript string

//go:embed scripts/observe.sh
var observeScript string

//go:embed scripts/apply.sh
var applyScript string

//go:embed scripts/remove.sh
var removeScript string

//go:embed scripts/probe.sh
var probeScript string

// variable is one assignment at the head of a script.
type variable struct{ name, value string }

// compose builds a whole script; values are quoted, so they cannot be anything but values.
func compose(layout Layout, id, body string, shared []SharedFile, variables ...variable) string {
	var list strings.Builder
	for _, file := range shared {
		fmt.Fprintf(&list, "%s|%s|%04o\n", file.Name, file.Path, file.Mode)
	}
	var out strings.Builder
	all := append([]variable{
		{"config", layout.Config}, {"units", layout.Units}, {"runtime", layout.Runtime}, {"id", id}, {"shared", list.String()},
	}, variables...)
	for _, v := range all {
		out.WriteString(v.name + "='" + strings.ReplaceAll(v.value, "'", `'\''`) + "'\n")
	}
	out.WriteString(preludeScript)
	out.WriteString(body)
	return out.String()
}

// answer is what finish in the prelude printed.
type answer struct{ step, message string }

// parseAnswer reads the last answer of a script: its step and the text behind it.
func parseAnswer(output []byte) (answer, error) {
	_, rest, found := strings.Cut("\n"+string(output), "\nresult ")
	if !found {
		return answer{}, fmt.Errorf("%w: no result in %d bytes", ErrUnexpectedOutput, len(output))
	}
	step, message, _ := strings.Cut(rest, "\n")
	return answer{step: strings.TrimSpace(step), message: strings.ToValidUTF8(strings.TrimSpace(message), "?")}, nil
}
