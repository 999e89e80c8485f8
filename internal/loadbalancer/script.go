// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	_ "embed" // the scripts are files so that linters and people can read them
	"fmt"
	"maps"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

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

// compose builds a script with what all of them know beside their own variables.
func compose(layout Layout, id, body string, shared []SharedFile, variables map[string]string) virt.Script {
	var list strings.Builder
	for _, file := range shared {
		fmt.Fprintf(&list, "%s|%s|%04o\n", file.Name, file.Path, file.Mode)
	}
	all := map[string]string{
		"config": layout.Config, "units": layout.Units, "runtime": layout.Runtime, "id": id, "shared": list.String(),
	}
	maps.Copy(all, variables)
	return virt.Script{Body: preludeScript + body, Variables: all}
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
