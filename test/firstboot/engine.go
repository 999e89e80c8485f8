// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package firstboot

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/binaries"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/packages"
)

// Engine is one version of Ignition.
type Engine struct {
	// Name is where it comes from.
	Name string
	// validator is ignition-validate, program the engine itself.
	validator, program string
}

// Engines returns Debian's Ignition and the module's, installing and building what is missing.
func Engines(ctx context.Context) ([]Engine, error) {
	if err := packages.Ensure(ctx, "ignition"); err != nil {
		return nil, err
	}
	store, err := artifact.Open()
	if err != nil {
		return nil, fmt.Errorf("open store of programs: %w", err)
	}
	built, err := binaries.Ensure(ctx, store, binaries.Ignition)
	if err != nil {
		return nil, fmt.Errorf("build Ignition: %w", err)
	}
	return []Engine{
		{Name: "Debian", validator: "/usr/bin/ignition-validate", program: "/usr/lib/dracut/modules.d/30ignition/ignition"},
		{Name: "module", validator: filepath.Join(built, "ignition-validate"), program: filepath.Join(built, "ignition")},
	}, nil
}

// Versions returns what the validator and the engine say they are.
func (e Engine) Versions(ctx context.Context) (validator, program string, err error) {
	for _, v := range []struct {
		program string
		into    *string
	}{{e.validator, &validator}, {e.program, &program}} {
		output, err := exec.CommandContext(ctx, v.program, "--version").CombinedOutput()
		if err != nil {
			return "", "", fmt.Errorf("ask %q for its version: %w: %s", v.program, err, output)
		}
		*v.into = strings.TrimSpace(string(output))
	}
	return validator, program, nil
}

// Validate returns an error when the validator refuses the config or warns about it.
func (e Engine) Validate(ctx context.Context, config []byte) error {
	command := exec.CommandContext(ctx, e.validator, "-")
	command.Stdin = bytes.NewReader(config)
	output, err := command.CombinedOutput()
	if err != nil || len(bytes.TrimSpace(output)) > 0 {
		return fmt.Errorf("validate by Ignition of %s: %w: %s", e.Name, err, output)
	}
	return nil
}

// Apply lets the engine write the files, directories, links and units of the config into root. It leaves users and
// disks alone, which a directory does not have.
func (e Engine) Apply(ctx context.Context, config []byte, root string) error {
	scratch, err := os.MkdirTemp("", "firstboot-")
	if err != nil {
		return fmt.Errorf("apply config: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	program, file := filepath.Join(scratch, "ignition-apply"), filepath.Join(scratch, "config.ign")
	if err := os.Symlink(e.program, program); err != nil { // the engine goes by the name it is called by
		return fmt.Errorf("apply config: %w", err)
	}
	if err := os.WriteFile(file, config, 0o600); err != nil {
		return fmt.Errorf("apply config: %w", err)
	}
	command := exec.CommandContext(ctx, program, "--root", root, "--ignore-unsupported", "--offline", file)
	command.Env = append(os.Environ(), "container=test") // it refuses to change anything but a container
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("apply by Ignition of %s: %w: %s", e.Name, err, strings.TrimSpace(string(output)))
	}
	return nil
}
