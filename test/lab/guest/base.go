// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/binaries"
)

//go:embed build
var buildFiles embed.FS

const (
	suite = "bookworm"
	// kernelName is the file of the kernel next to the initramfs, and in the guest's /boot.
	kernelName = "vmlinuz"
)

// aptOptions keep documentation and translations out of the image.
var aptOptions = []string{
	`--aptopt=APT::Install-Recommends "false"`, `--aptopt=Acquire::Languages "none"`,
	"--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*",
	"--dpkgopt=path-exclude=/usr/share/locale/*", "--dpkgopt=path-exclude=/usr/share/info/*",
}

// file returns the content of a file below build/.
func file(name string) (string, error) {
	content, err := buildFiles.ReadFile("build/" + name)
	if err != nil {
		return "", fmt.Errorf("read embedded file: %w", err)
	}
	return string(content), nil
}

// writeScript puts a script below build/ where a shell can run it.
func writeScript(dir, name string) (string, error) {
	content, err := file(name)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		return "", fmt.Errorf("write script: %w", err)
	}
	return path, nil
}

// aptSources returns the files that tell this machine's apt where packages are.
func aptSources() ([]string, error) {
	var sources []string
	for _, pattern := range []string{"/etc/apt/sources.list", "/etc/apt/sources.list.d/*.list", "/etc/apt/sources.list.d/*.sources"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("find apt sources: %w", err)
		}
		sources = append(sources, found...)
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("find apt sources of this machine: %w", fs.ErrNotExist)
	}
	return sources, nil
}

// ensureBase builds base.tar, the root file system with only users and links of ours.
func ensureBase(ctx context.Context, store *artifact.Store) (string, error) {
	list, err := file("packages.txt")
	if err != nil {
		return "", err
	}
	script, err := file("base.sh")
	if err != nil {
		return "", err
	}
	key := append(artifact.Key{suite, list, script}, aptOptions...)
	dir, err := store.Ensure(ctx, "guest-base", key, func(ctx context.Context, dir string) error {
		hook, err := writeScript(dir, "base.sh")
		if err != nil {
			return err
		}
		return debootstrap(ctx, filepath.Join(dir, "base.tar"), list, "minbase", "--customize-hook="+hook)
	})
	return filepath.Join(dir, "base.tar"), err
}

// ensureTools builds a directory with the programs that kube-proxy and flannel call, and what those need.
func ensureTools(ctx context.Context, store *artifact.Store) (string, error) {
	list, err := file("tools.txt")
	if err != nil {
		return "", err
	}
	dir, err := store.Ensure(ctx, "guest-tools", append(artifact.Key{suite, list}, aptOptions...), func(ctx context.Context, dir string) error {
		root := filepath.Join(dir, "root")
		if err := debootstrap(ctx, root, list, "extract"); err != nil {
			return err
		}
		return pruneTools(root)
	})
	return filepath.Join(dir, "root"), err
}

func debootstrap(ctx context.Context, target, list, variant string, arguments ...string) error {
	sources, err := aptSources()
	if err != nil {
		return err
	}
	all := append([]string{"--mode=root", "--quiet", "--variant=" + variant, "--include=" + strings.Join(strings.Fields(list), ",")}, aptOptions...)
	all = append(append(all, arguments...), suite, target)
	return run(ctx, "mmdebstrap", append(all, sources...)...)
}

// pruneTools removes what a container never runs and creates the links of Debian's alternatives.
func pruneTools(root string) error {
	for _, path := range []string{"var", "etc/apt", "usr/share", "usr/lib/x86_64-linux-gnu/gconv", "dev"} {
		if err := os.RemoveAll(filepath.Join(root, path)); err != nil {
			return fmt.Errorf("prune tools: %w", err)
		}
	}
	for _, name := range []string{"iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore"} {
		if err := relink(filepath.Join(root, "usr/sbin", name), "xtables-nft-multi"); err != nil {
			return err
		}
	}
	for _, name := range []string{"sh", "cp", "mv"} {
		if err := relink(filepath.Join(root, "bin", name), "busybox"); err != nil {
			return err
		}
	}
	return nil
}

func relink(path, target string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("replace link: %w", err)
	}
	if err := os.Symlink(target, path); err != nil {
		return fmt.Errorf("create link: %w", err)
	}
	return nil
}

// ensureInitramfs builds the initramfs with the real Ignition engine.
func ensureInitramfs(ctx context.Context, store *artifact.Store, base string) (string, error) {
	programs, err := binaries.Ensure(ctx, store, binaries.Ignition)
	if err != nil {
		return "", err
	}
	script, err := file("initramfs.sh")
	if err != nil {
		return "", err
	}
	configuration, err := rootFiles.ReadFile("rootfs/etc/dracut.conf.d/10-altcos.conf")
	if err != nil {
		return "", fmt.Errorf("read embedded file: %w", err)
	}
	key := artifact.Key{base, programs, script, string(configuration)}
	dir, err := store.Ensure(ctx, "guest-initramfs", key, func(ctx context.Context, dir string) error {
		root := filepath.Join(dir, "root")
		if err := unpack(ctx, base, root); err != nil {
			return err
		}
		path, err := writeScript(dir, "initramfs.sh")
		if err != nil {
			return err
		}
		settings := filepath.Join(dir, "10-altcos.conf")
		if err := os.WriteFile(settings, configuration, 0o644); err != nil {
			return fmt.Errorf("write dracut configuration: %w", err)
		}
		if err := run(ctx, "unshare", "--mount", "--propagation", "private", path, root, filepath.Join(programs, "ignition"), settings); err != nil {
			return err
		}
		for _, name := range []string{"initramfs", kernelName} {
			if err := os.Rename(filepath.Join(root, "boot", name), filepath.Join(dir, name)); err != nil {
				return fmt.Errorf("keep %s: %w", name, err)
			}
		}
		return os.RemoveAll(root)
	})
	return filepath.Join(dir, "initramfs"), err
}

// unpack extracts a tar with owners, links and extended attributes.
func unpack(ctx context.Context, archive, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("create directory: %w", err)
	}
	return run(ctx, "tar", "--extract", "--file", archive, "--directory", dir, "--numeric-owner", "--same-permissions", "--xattrs", "--xattrs-include=*")
}

// programVersion identifies a program of this machine whose output depends on its version.
func programVersion(ctx context.Context, name string) (string, error) {
	output, err := exec.CommandContext(ctx, name, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", name, err)
	}
	return strings.TrimSpace(string(output)), nil
}
