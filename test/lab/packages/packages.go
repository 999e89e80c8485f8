// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package packages

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// lockPath serialises installations by several processes; dpkg's own lock makes a second apt-get fail instead of wait.
const lockPath = "/run/lock/altcos-lab-packages.lock"

// Ensure installs those of the named packages that are missing, without their recommendations and without questions.
// Package lists are fetched only when apt does not know a package. Nothing is done, and no right is needed, when
// everything is installed.
func Ensure(ctx context.Context, names ...string) error {
	if len(missing(ctx, names)) == 0 {
		return nil
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("install packages %s: only root can do that", strings.Join(missing(ctx, names), " "))
	}
	unlock, err := lock()
	if err != nil {
		return err
	}
	defer unlock()
	wanted := missing(ctx, names) // another process may have installed them while we waited
	if len(wanted) == 0 {
		return nil
	}
	if run(ctx, "apt-cache", append([]string{"show", "--no-all-versions"}, wanted...)...) != nil {
		if err := run(ctx, "apt-get", "update", "-q"); err != nil {
			return fmt.Errorf("fetch package lists: %w", err)
		}
	}
	install := append([]string{"install", "-q", "-y", "--no-install-recommends"}, wanted...)
	err = run(ctx, "apt-get", install...)
	if err != nil && ctx.Err() == nil { // known but superseded: the archive no longer has the version in our lists
		if err := run(ctx, "apt-get", "update", "-q"); err != nil {
			return fmt.Errorf("fetch package lists: %w", err)
		}
		err = run(ctx, "apt-get", install...)
	}
	if err != nil {
		return fmt.Errorf("install packages %s: %w", strings.Join(wanted, " "), err)
	}
	return nil
}

// missing returns the names that dpkg does not know as installed.
func missing(ctx context.Context, names []string) []string {
	var absent []string
	for _, name := range names {
		status, err := exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${db:Status-Status}", name).Output()
		if err != nil || string(status) != "installed" {
			absent = append(absent, name)
		}
	}
	return absent
}

func lock() (unlock func(), err error) {
	file, err := os.OpenFile(lockPath, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open lock of package installation: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("lock package installation: %w", err)
	}
	return func() { _ = file.Close() }, nil
}

// run runs a command with output kept for the error text.
func run(ctx context.Context, name string, arguments ...string) error {
	command := exec.CommandContext(ctx, name, arguments...)
	command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8")
	output, err := command.CombinedOutput()
	if err == nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	return fmt.Errorf("%s: %w: %s", name, err, strings.Join(lines[max(0, len(lines)-5):], "; "))
}
