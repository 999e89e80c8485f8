// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package binaries

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
)

// pinnsFlags compile CRI-O's helper that pins namespaces, as its own Makefile does.
var pinnsFlags = []string{"-std=c99", "-O3", "-s", "-static"}

// Ensure returns a directory with the programs of set, building them when the store does not have them yet.
func Ensure(ctx context.Context, store *artifact.Store, set Set) (string, error) {
	programs, err := set.programs()
	if err != nil {
		return "", err
	}
	key, err := keyOf(ctx, programs)
	if err != nil {
		return "", err
	}
	return store.Ensure(ctx, string(set), key, func(ctx context.Context, dir string) error {
		if err := set.checkBuildPackages(); err != nil {
			return err
		}
		for _, program := range programs {
			if err := build(ctx, program, filepath.Join(dir, program.name)); err != nil {
				return fmt.Errorf("build %s: %w", program.name, err)
			}
		}
		if set == Runtime {
			return buildPinns(ctx, filepath.Join(dir, "pinns"))
		}
		return nil
	})
}

func keyOf(ctx context.Context, programs []program) (artifact.Key, error) {
	version, err := runGo(ctx, "", nil, "env", "GOVERSION")
	if err != nil {
		return nil, err
	}
	key := append(artifact.Key{version}, pinnsFlags...)
	for _, program := range programs {
		dir, err := program.module.dir()
		if err != nil {
			return nil, err
		}
		sources, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			return nil, fmt.Errorf("list sources of %s: %w", program.name, err)
		}
		files, err := artifact.FileKey(append([]string{filepath.Join(dir, "go.mod"), filepath.Join(dir, "go.sum")}, sources...)...)
		if err != nil {
			return nil, err
		}
		key = append(append(key, program.name, program.pkg), files...)
		key = append(key, program.flags()...)
	}
	return key, nil
}

func build(ctx context.Context, p program, output string) error {
	dir, err := p.module.dir()
	if err != nil {
		return err
	}
	environment := []string{"CGO_ENABLED=0"}
	if p.cgo {
		environment = []string{"CGO_ENABLED=1"}
	}
	args := slices.Concat([]string{"build", "-o", output}, p.flags(), []string{p.pkg})
	_, err = runGo(ctx, dir, environment, args...)
	return err
}

func buildPinns(ctx context.Context, output string) error {
	source, err := crioModule.source(ctx, "github.com/cri-o/cri-o")
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(source, "pinns", "src", "*.c"))
	if err != nil {
		return fmt.Errorf("find the source of pinns: %w", err)
	}
	args := slices.Concat(pinnsFlags, []string{"-o", output}, files)
	if text, err := exec.CommandContext(ctx, "gcc", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("compile pinns: %w: %s", err, strings.TrimSpace(string(text)))
	}
	return nil
}

// BuildPackages lists the Debian packages that building the set needs in addition to Go.
func (s Set) BuildPackages() []string {
	switch s {
	case Runtime:
		return []string{"gcc", "libc6-dev", "pkg-config", "libseccomp-dev", "libbtrfs-dev"}
	case Ignition:
		return []string{"gcc", "libc6-dev", "pkg-config", "libblkid-dev"}
	case Flannel:
		return []string{"gcc", "libc6-dev"}
	case ControlPlane, Kubernetes, Etcd, ClusterAPI, IPAM, CoreDNS:
	}
	return nil
}

// checkBuildPackages fails early and by name; a missing header fails late and obscurely.
func (s Set) checkBuildPackages() error {
	if len(s.BuildPackages()) == 0 {
		return nil
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		return fmt.Errorf("find a C compiler (install %s): %w", strings.Join(s.BuildPackages(), " "), err)
	}
	return nil
}

func sortedKeys(values map[string]string) []string {
	return slices.Sorted(maps.Keys(values))
}
