// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package hypervisor

import (
	"context"
	_ "embed" // for boot.sh
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/segment"
)

//go:embed boot.sh
var bootScript []byte

// start boots the host and writes its state as soon as there is a process to be found again.
func (h *Host) start(ctx context.Context, base string, options Options) error {
	namespace, err := h.segment.EnsurePort(ctx, segment.Port{Name: h.Name, Address: h.Address})
	if err != nil {
		return err
	}
	cgroup, err := makeCgroup(namespace)
	if err != nil {
		return err
	}
	script := filepath.Join(h.dir, "boot.sh")
	if err := os.WriteFile(script, bootScript, 0o755); err != nil {
		return fmt.Errorf("write boot script: %w", err)
	}
	console, err := os.Create(consolePath(h.dir))
	if err != nil {
		return fmt.Errorf("create console log: %w", err)
	}
	defer console.Close()
	group, err := os.Open(cgroup)
	if err != nil {
		return fmt.Errorf("open control group: %w", err)
	}
	defer group.Close()
	// Each program replaces the one before it, so the started process becomes the host's systemd. The cgroup namespace
	// comes last: its root is the group that the process is in when it is made. The context must not end the host.
	command := exec.Command("nsenter", "--net="+h.segment.PortNamespace(h.Name), "--", "unshare", "--cgroup", "--", "sh", script)
	command.Dir = "/"
	command.Env = []string{
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
		"BASE=" + base, "DISK=" + h.dir, "NAME=" + h.Name, "KVM=" + yes(options.KVM),
	}
	command.Stdout, command.Stderr = console, console
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		Setsid:      true,
		UseCgroupFD: true,
		CgroupFD:    int(group.Fd()),
	}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start first process: %w", err)
	}
	h.state = state{PID: command.Process.Pid, Cgroup: cgroup}
	if err := h.state.identify(); err != nil {
		return errors.Join(err, command.Process.Kill())
	}
	if err := command.Process.Release(); err != nil {
		return fmt.Errorf("detach first process: %w", err)
	}
	return h.state.write(h.dir)
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

func consolePath(dir string) string { return filepath.Join(dir, "console.log") }

// awaitBoot waits until systemd says that the host is running.
func (h *Host) awaitBoot(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	comm := filepath.Join(h.proc(), "comm")
	var last string
	err := poll(ctx, 20*time.Millisecond, func() bool {
		// Before the boot script has become systemd, a command would run in the machine's file system and ask the
		// machine's systemd.
		name, err := os.ReadFile(comm)
		if err != nil || strings.TrimSpace(string(name)) != "systemd" {
			return err != nil && !h.state.alive()
		}
		output, _ := h.Command(ctx, "systemctl", "is-system-running", "--wait").Output() // it fails for all but "running"
		last = strings.TrimSpace(string(output))
		return last == "running" || last == "degraded" || !h.state.alive()
	})
	if err == nil && last == "running" {
		return nil
	}
	return h.explainBoot(err, last)
}

// explainBoot collects what is known about a boot that failed. The context of the boot may have ended.
func (h *Host) explainBoot(err error, last string) error {
	if !h.state.alive() {
		console, _ := os.ReadFile(consolePath(h.dir))
		lines := strings.Split(strings.TrimSpace(string(console)), "\n")
		return fmt.Errorf("its first process ended: %s", strings.Join(lines[max(0, len(lines)-5):], "; "))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	failed, _ := h.Exec(ctx, "systemctl", "list-units", "--failed", "--plain", "--no-legend")
	jobs, _ := h.Exec(ctx, "systemctl", "list-jobs", "--no-legend")
	return errors.Join(err, fmt.Errorf("systemd says %q; failed units: %q; jobs: %q", last, failed, jobs))
}
