// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package management

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"
)

const (
	runDirectory = "run"
	logDirectory = "logs"
)

const (
	// startLimit covers a machine whose two cores are busy with emulated guests; an idle one needs a few seconds.
	startLimit = 3 * time.Minute
	// keepLimit is how long a process that already runs may take to show that it is healthy.
	keepLimit = 10 * time.Second
)

// server is a program that is to run.
type server struct {
	name    string
	stage   stage
	argv    []string
	healthy func(ctx context.Context) error
}

// supervisor starts servers and remembers them in dir.
type supervisor struct {
	dir      string
	network  Network
	starts   chan func() // nil when processes are detached
	progress func(message string)
}

// newSupervisor returns a supervisor whose processes die with this one, unless detached.
func newSupervisor(dir string, network Network, detached bool, progress func(string)) *supervisor {
	s := &supervisor{dir: dir, network: network, progress: progress}
	if detached {
		return s
	}
	s.starts = make(chan func())
	go func() {
		// The kernel sends the parent-death signal when the thread that started the child ends, not when the process does.
		runtime.LockOSThread()
		for start := range s.starts {
			start()
		}
	}()
	return s
}

func (s *supervisor) logPath(name string) string {
	return filepath.Join(s.dir, logDirectory, name+".log")
}

// ensure returns when the server is healthy. A running one is kept if it has the same command line and is healthy.
func (s *supervisor) ensure(ctx context.Context, wanted server) error {
	recordPath := filepath.Join(s.dir, runDirectory, wanted.name+".json")
	var record process
	if err := readJSON(recordPath, &record); err != nil {
		return fmt.Errorf("read process record of %s: %w", wanted.name, err)
	}
	if record.PID != 0 && record.isRunning() {
		if slices.Equal(record.Argv, wanted.argv) && s.await(ctx, wanted, record, keepLimit) == nil {
			return nil
		}
		if err := record.stop(ctx); err != nil {
			return err
		}
	}
	s.progress("starting " + wanted.name)
	record, err := s.start(ctx, wanted)
	if err != nil {
		return fmt.Errorf("start %s: %w", wanted.name, err)
	}
	if err := writeJSON(recordPath, record); err != nil {
		return fmt.Errorf("remember process %s: %w", wanted.name, err)
	}
	return s.await(ctx, wanted, record, startLimit)
}

func (s *supervisor) start(ctx context.Context, wanted server) (process, error) {
	log, err := os.OpenFile(s.logPath(wanted.name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return process{}, err
	}
	defer log.Close()
	command := s.network.Command(context.WithoutCancel(ctx), wanted.argv[0], wanted.argv[1:]...)
	command.Dir = s.dir
	command.Stdout, command.Stderr = log, log
	if err := s.launch(command); err != nil {
		return process{}, err
	}
	record := process{Name: wanted.name, Stage: wanted.stage, Argv: wanted.argv, PID: command.Process.Pid}
	_, record.StartTime, err = stat(record.PID)
	go func() { _ = command.Wait() }() // the exit status is not needed; the log tells why it ended
	return record, err
}

// launch starts the command in a session of its own, so that a terminal's interrupt does not reach it.
func (s *supervisor) launch(command *exec.Cmd) error {
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if s.starts == nil {
		return command.Start()
	}
	command.SysProcAttr.Pdeathsig = syscall.SIGKILL
	done := make(chan error)
	s.starts <- func() { done <- command.Start() }
	return <-done
}

// await polls the server's health until it answers, its process ends, or the limit is reached.
func (s *supervisor) await(ctx context.Context, wanted server, record process, limit time.Duration) error {
	last := fmt.Errorf("not asked yet")
	ended := false
	err := poll(ctx, limit, func() bool {
		if ended = !record.isRunning(); ended {
			return true
		}
		last = wanted.healthy(ctx)
		return last == nil
	})
	switch {
	case ended:
		return fmt.Errorf("%s ended at once; see %s", wanted.name, s.logPath(wanted.name))
	case err != nil:
		return fmt.Errorf("wait for %s (%w); see %s: %w", wanted.name, err, s.logPath(wanted.name), last)
	default:
		return nil
	}
}

// close ends the thread that children are bound to. Call it after the processes have ended.
func (s *supervisor) close() {
	if s.starts != nil {
		close(s.starts)
		s.starts = nil
	}
}
