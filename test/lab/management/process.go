// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package management

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stage orders the end of processes: providers first, the store last.
type stage int

const (
	stageStore stage = iota
	stageServer
	stageClient
)

// patience is how long a process may take to end after SIGTERM.
const patience = 15 * time.Second

const pollInterval = 100 * time.Millisecond

// process is what is remembered about a started program. PID and StartTime together identify it until the next reboot.
type process struct {
	Name      string   `json:"name"`
	Stage     stage    `json:"stage"`
	Argv      []string `json:"argv"`
	PID       int      `json:"pid"`
	StartTime string   `json:"startTime"` // clock ticks since boot
}

// isRunning reports whether this very process still runs; a zombie does not.
func (p process) isRunning() bool {
	state, startTime, err := stat(p.PID)
	return err == nil && state != "Z" && state != "X" && startTime == p.StartTime
}

// stop ends the process: SIGTERM, then SIGKILL when it takes too long.
func (p process) stop(ctx context.Context) error {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if !p.isRunning() {
			return nil
		}
		if err := syscall.Kill(p.PID, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop %s (PID %d): %w", p.Name, p.PID, err)
		}
		if err := poll(ctx, patience, func() bool { return !p.isRunning() }); err == nil {
			return nil
		}
	}
	return fmt.Errorf("stop %s (PID %d): still there after SIGKILL", p.Name, p.PID)
}

// stat reads the state letter and the start time from /proc/PID/stat.
func stat(pid int) (state, startTime string, err error) {
	content, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return "", "", err
	}
	// The program's name is in parentheses and may itself contain anything.
	_, rest, found := strings.Cut(string(content[strings.LastIndex(string(content), ")")+1:]), " ")
	fields := strings.Fields(rest)
	if !found || len(fields) < 20 {
		return "", "", fmt.Errorf("parse stat of PID %d", pid)
	}
	return fields[0], fields[19], nil // fields 3 and 22 of proc(5)
}

func poll(ctx context.Context, limit time.Duration, done func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
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

// records returns what is remembered about processes in a run directory.
func records(runDir string) ([]process, error) {
	names, err := filepath.Glob(filepath.Join(runDir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	processes := make([]process, 0, len(names))
	for _, name := range names {
		var record process
		if err := readJSON(name, &record); err != nil {
			return nil, fmt.Errorf("read process record %s: %w", name, err)
		}
		processes = append(processes, record)
	}
	return processes, nil
}

// Stop ends every process that was started for the management cluster in dir, also by an earlier program. Data stay.
func Stop(ctx context.Context, dir string) error {
	runDir := filepath.Join(dir, runDirectory)
	processes, err := records(runDir)
	if err != nil {
		return err
	}
	for _, current := range []stage{stageClient, stageServer, stageStore} {
		ending := slices.DeleteFunc(slices.Clone(processes), func(p process) bool { return p.Stage != current })
		failures := make(chan error, len(ending))
		for _, p := range ending {
			go func() { failures <- forget(ctx, runDir, p) }()
		}
		var failed error
		for range ending {
			failed = errors.Join(failed, <-failures)
		}
		if failed != nil { // what others depend on stays, so that a second Stop can finish
			return failed
		}
	}
	return nil
}

func forget(ctx context.Context, runDir string, p process) error {
	if err := p.stop(ctx); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(runDir, p.Name+".json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget %s: %w", p.Name, err)
	}
	return nil
}

// Kill ends one process of the management cluster in dir at once, as a crash does. Start and StartProvider start it again.
func Kill(ctx context.Context, dir, name string) error {
	var record process
	if err := readJSON(filepath.Join(dir, runDirectory, name+".json"), &record); err != nil {
		return fmt.Errorf("find process %s: %w", name, err)
	}
	if !record.isRunning() {
		return fmt.Errorf("kill %s: it does not run", name)
	}
	if err := syscall.Kill(record.PID, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill %s (PID %d): %w", name, record.PID, err)
	}
	return poll(ctx, patience, func() bool { return !record.isRunning() })
}
