// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	_ "embed" // the scripts are files so that linters and people can read them
	"fmt"
	"maps"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
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

// compose builds a script with the variables that all of them need beside their own.
func compose(layout loadbalancer.Layout, id, body string, shared []loadbalancer.SharedFile, variables map[string]string) virt.Script {
	var list strings.Builder
	for _, file := range shared {
		fmt.Fprintf(&list, "%s|%s|%04o\n", file.Name, file.Path, file.Mode)
	}
	all := map[string]string{
		"config": layout.Config, "units": layout.Units, "runtime": layout.Runtime, "shared": list.String(),
		"clusters": layout.Clusters(), "current": layout.Current(id), "socket": layout.AdminSocket(id),
		"main": layout.KeepalivedConfig(), "loaded": layout.KeepalivedLoaded(),
		"haproxy": loadbalancer.HAProxyUnit(id), "keepalived": loadbalancer.KeepalivedUnit,
	}
	maps.Copy(all, variables)
	return virt.Script{Body: preludeScript + body, Variables: all}
}

// answer is what finish in the prelude printed.
type answer struct{ step, message string }

// execute runs a script and reads its answer.
func execute(ctx context.Context, shell virt.Shell, script virt.Script) (answer, error) {
	output, err := shell.Run(ctx, script)
	if err != nil {
		return answer{}, err
	}
	return parseAnswer(output)
}

// transact runs a script that is done or has failed at a step.
func transact(ctx context.Context, shell virt.Shell, script virt.Script) error {
	found, err := execute(ctx, shell, script)
	if err != nil {
		return err
	}
	return stepError(found)
}

// parseAnswer reads the answer of a script: its step and the text after it.
func parseAnswer(output []byte) (answer, error) {
	_, rest, found := strings.Cut("\n"+string(output), "\nresult ")
	if !found {
		return answer{}, fmt.Errorf("%w: no result in %d bytes", loadbalancer.ErrUnexpectedOutput, len(output))
	}
	step, message, _ := strings.Cut(rest, "\n")
	return answer{step: strings.TrimSpace(step), message: strings.ToValidUTF8(strings.TrimSpace(message), "?")}, nil
}
