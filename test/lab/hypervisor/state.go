// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package hypervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// state is what a later program needs to find a running host.
type state struct {
	// PID is the host's first process as the machine sees it. Zero: the host is off.
	PID int `json:"pid"`
	// StartTime is when it began, in clock ticks since the machine booted, so that a reused PID is not taken for it.
	StartTime uint64 `json:"startTime"`
	// BootID differs between boots of the machine.
	BootID string `json:"bootID"`
	// Cgroup is the directory of the host's control group.
	Cgroup string `json:"cgroup"`
}

func statePath(dir string) string { return filepath.Join(dir, "host.json") }

// readState returns the state kept in dir, os.ErrNotExist when there is none.
func readState(dir string) (state, error) {
	content, err := os.ReadFile(statePath(dir))
	if err != nil {
		return state{}, fmt.Errorf("read state of host: %w", err)
	}
	var s state
	if err := json.Unmarshal(content, &s); err != nil {
		return state{}, fmt.Errorf("decode %s: %w", statePath(dir), err)
	}
	return s, nil
}

func (s state) write(dir string) error {
	content, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode state of host: %w", err)
	}
	partial := statePath(dir) + ".partial"
	if err := os.WriteFile(partial, content, 0o600); err != nil {
		return fmt.Errorf("write state of host: %w", err)
	}
	if err := os.Rename(partial, statePath(dir)); err != nil {
		return fmt.Errorf("write state of host: %w", err)
	}
	return nil
}

func removeState(dir string) error {
	if err := os.Remove(statePath(dir)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove state of host: %w", err)
	}
	return nil
}

// identify completes the state of a process that was just started.
func (s *state) identify() error {
	var err error
	if s.BootID, err = bootID(); err != nil {
		return err
	}
	s.StartTime, _, err = processStart(s.PID)
	return err
}

// alive reports whether the process that the state names is still running.
func (s state) alive() bool {
	if s.PID == 0 {
		return false
	}
	if boot, err := bootID(); err != nil || boot != s.BootID {
		return false
	}
	start, zombie, err := processStart(s.PID)
	if err != nil || start != s.StartTime {
		return false
	}
	if zombie { // it may be our own child that has not been waited for
		var status unix.WaitStatus
		_, _ = unix.Wait4(s.PID, &status, unix.WNOHANG, nil)
	}
	return !zombie
}

// kill ends the host's first process, and with it everything in its PID namespace, and waits until it is gone.
func (s state) kill(ctx context.Context) error {
	if s.PID == 0 {
		return nil
	}
	process, err := unix.PidfdOpen(s.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open process %d: %w", s.PID, err)
	}
	defer unix.Close(process)
	if !s.alive() { // checked after the descriptor was opened: from here on it cannot mean another process
		return nil
	}
	if err := unix.PidfdSendSignal(process, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("kill process %d: %w", s.PID, err)
	}
	return poll(ctx, 10*time.Millisecond, func() bool { return !s.alive() })
}

// poll waits until done says true.
func poll(ctx context.Context, interval time.Duration, done func() bool) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	return nil
}

func bootID() (string, error) {
	content, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read boot identity of the machine: %w", err)
	}
	return strings.TrimSpace(string(content)), nil
}

// processStart returns the start time of a process and whether it has ended but was not waited for.
func processStart(pid int) (start uint64, zombie bool, err error) {
	content, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, false, fmt.Errorf("read state of process %d: %w", pid, err)
	}
	// The command name in parentheses may contain anything, so fields are counted from its end: state is the first.
	fields := strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:]))
	if len(fields) < 20 {
		return 0, false, fmt.Errorf("read state of process %d: %d fields", pid, len(fields))
	}
	start, err = strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return 0, false, fmt.Errorf("read start time of process %d: %w", pid, err)
	}
	return start, fields[0] == "Z" || fields[0] == "X", nil
}
