// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package hypervisor

import (
	"bufio"
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/packages"
)

// basePackages are what a hypervisor host of the manual has, and what is needed to look around in one.
const basePackages = "systemd,systemd-sysv,dbus,udev,openssh-server,sudo,iproute2,iputils-ping,procps,kmod,socat,curl," +
	"ca-certificates,libvirt-daemon-system,libvirt-clients,libvirt-daemon-driver-qemu,qemu-system-x86,qemu-utils," +
	"haproxy,keepalived,xz-utils,zstd"

// system is laid over the Debian root: configuration that all hosts share.
//
//go:embed system
var system embed.FS

//go:embed customize.sh
var customizeScript []byte

// Base returns the root file system that hosts share, a read-only directory. Building it takes one to
// three minutes and the machine's own package sources.
func Base(ctx context.Context, store *artifact.Store) (string, error) {
	suite, err := machineSuite()
	if err != nil {
		return "", err
	}
	key := artifact.Key{"1", suite, runtime.GOARCH, basePackages, string(customizeScript)}
	err = fs.WalkDir(system, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := system.ReadFile(path)
		key = append(key, path, string(content))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the hosts' configuration: %w", err)
	}
	dir, err := store.Ensure(ctx, "hypervisor-root", key, func(ctx context.Context, dir string) error {
		return buildBase(ctx, suite, dir)
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "root"), nil
}

func buildBase(ctx context.Context, suite, dir string) error {
	if err := packages.Ensure(ctx, "mmdebstrap"); err != nil {
		return err
	}
	sources, err := packageSources()
	if err != nil {
		return err
	}
	hook := filepath.Join(dir, "customize.sh")
	if err := os.WriteFile(hook, customizeScript, 0o755); err != nil {
		return fmt.Errorf("write hook: %w", err)
	}
	settings := filepath.Join(dir, "apt.conf")
	if err := os.WriteFile(settings, proxySettings(ctx), 0o600); err != nil {
		return fmt.Errorf("write apt settings: %w", err)
	}
	root := filepath.Join(dir, "root")
	arguments := []string{
		// What mmdebstrap mounts below the root must not survive it, however it ends: a later RemoveAll would follow it.
		"--mount", "--propagation", "private", "--",
		"mmdebstrap", "--mode=root", "--variant=minbase", "--include=" + basePackages,
		"--aptopt=" + settings, "--aptopt=Acquire::Languages \"none\"", "--dpkgopt=force-unsafe-io",
		"--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*",
		"--dpkgopt=path-exclude=/usr/share/locale/*", "--customize-hook=" + hook, suite, root,
	}
	output, err := exec.CommandContext(ctx, "unshare", append(arguments, sources...)...).CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(output)), "\n")
		return fmt.Errorf("mmdebstrap: %w: %s", err, strings.Join(lines[max(0, len(lines)-8):], "; "))
	}
	return writeSystem(root)
}

// writeSystem copies the embedded configuration over a Debian root.
func writeSystem(root string) error {
	return fs.WalkDir(system, "system", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(root, strings.TrimPrefix(path, "system"))
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		content, err := system.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o644)
	})
}

// machineSuite returns the code name of the machine's Debian release: its package sources know no other.
func machineSuite() (string, error) {
	file, err := os.Open("/etc/os-release")
	if err != nil {
		return "", fmt.Errorf("read the machine's release: %w", err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if suite, found := strings.CutPrefix(lines.Text(), "VERSION_CODENAME="); found {
			return strings.Trim(suite, "\""), nil
		}
	}
	return "", fmt.Errorf("read the machine's release: /etc/os-release names no VERSION_CODENAME")
}

// packageSources returns the machine's own lists of package sources.
func packageSources() ([]string, error) {
	var sources []string
	for _, pattern := range []string{"/etc/apt/sources.list", "/etc/apt/sources.list.d/*.list", "/etc/apt/sources.list.d/*.sources"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("find package sources: %w", err)
		}
		sources = append(sources, found...)
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("find package sources: there is nothing in /etc/apt/sources.list and /etc/apt/sources.list.d")
	}
	return sources, nil
}

// proxySettings returns how the machine's apt reaches its sources. A machine without such settings has none to copy.
func proxySettings(ctx context.Context) []byte {
	dump, err := exec.CommandContext(ctx, "apt-config", "dump").Output()
	if err != nil {
		return nil
	}
	var settings strings.Builder
	for line := range strings.Lines(string(dump)) {
		if strings.HasPrefix(line, "Acquire::http") && !strings.HasSuffix(strings.TrimSpace(line), "\"\";") {
			settings.WriteString(line)
		}
	}
	return []byte(settings.String())
}
