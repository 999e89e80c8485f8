// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package binaries

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const rootModule = "github.com/altcos/cluster-api-provider-altcos"

// Root returns the directory of this repository: the nearest one above the working directory that has its go.mod.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for start := dir; ; dir = filepath.Dir(dir) {
		content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		switch {
		case err == nil && bytes.HasPrefix(content, []byte("module "+rootModule+"\n")):
			return dir, nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("find the repository: %w", err)
		case dir == filepath.Dir(dir):
			return "", fmt.Errorf("find the repository: no go.mod of %s above %q", rootModule, start)
		}
	}
}

// dir returns the directory of the module.
func (m module) dir() (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	return filepath.Join(root, "hack", "tools", string(m)), nil
}

// source returns the directory, in the module cache, of a dependency of the module m. It is downloaded when it is not there.
func (m module) source(ctx context.Context, dependency string) (string, error) {
	dir, err := m.dir()
	if err != nil {
		return "", err
	}
	if _, err := runGo(ctx, dir, nil, "mod", "download", dependency); err != nil {
		return "", err
	}
	return runGo(ctx, dir, nil, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", dependency)
}

// runGo returns what the go command printed, without surrounding space.
func runGo(ctx context.Context, dir string, environment []string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = dir
	command.Env = append(append(os.Environ(), "GOWORK=off"), environment...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("run go %s in %s: %w: %s", args[0], dir, err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), nil
}

// ClusterAPISource returns the source directory of Cluster API in the module cache.
func ClusterAPISource(ctx context.Context) (string, error) {
	return clusterAPIModule.source(ctx, "sigs.k8s.io/cluster-api")
}

// IPAMSource returns the source directory of the in-cluster IPAM provider in the module cache.
func IPAMSource(ctx context.Context) (string, error) {
	return ipamModule.source(ctx, "sigs.k8s.io/cluster-api-ipam-provider-in-cluster")
}
