// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package hypervisor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// makeCgroup creates a control group of the unified hierarchy for a host. Machines that still have the old hierarchies
// have the unified one too, without controllers; systemd needs none.
func makeCgroup(name string) (string, error) {
	mountPoint, err := unifiedHierarchy()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(mountPoint, name)
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("create control group: %w", err)
	}
	return dir, nil
}

func unifiedHierarchy() (string, error) {
	mounts, err := os.Open("/proc/self/mounts")
	if err != nil {
		return "", fmt.Errorf("find control groups: %w", err)
	}
	defer mounts.Close()
	for lines := bufio.NewScanner(mounts); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 2 && fields[2] == "cgroup2" {
			return fields[1], nil
		}
	}
	return "", errors.New("find control groups: no cgroup2 file system is mounted (mount -t cgroup2 none /sys/fs/cgroup/unified)")
}

// removeCgroup removes a control group, what is below it, and every process that is still in it.
func removeCgroup(ctx context.Context, dir string) error {
	if dir == "" {
		return nil
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	// Nothing should be left after the host's PID namespace is gone; a process that is being killed still counts.
	if err := os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0o200); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("empty control group: %w", err)
	}
	var last error
	err := poll(ctx, 10*time.Millisecond, func() bool {
		last = removeGroups(dir)
		return last == nil
	})
	if err != nil {
		return fmt.Errorf("remove control group: %w", errors.Join(err, last))
	}
	return nil
}

func removeGroups(dir string) error {
	var groups []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			groups = append(groups, path)
		}
		return err
	})
	for _, group := range slices.Backward(groups) { // children first; the files of a control group go with it
		err = errors.Join(err, os.Remove(group))
	}
	return err
}
