// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package hypervisor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Command returns a command that runs as root in the host's namespaces, as if typed on its console.
func (h *Host) Command(ctx context.Context, name string, arguments ...string) *exec.Cmd {
	wrapped := append([]string{
		"--target", strconv.Itoa(h.state.PID), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd",
		"--", "setpriv", "--pdeathsig", "KILL", // entering a PID namespace takes a child, which must end with the command
		"--", name,
	}, arguments...)
	command := exec.CommandContext(ctx, "nsenter", wrapped...)
	command.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8"}
	return command
}

// Exec runs a command in the host and returns its output. The error has what the command wrote to its standard error.
func (h *Host) Exec(ctx context.Context, name string, arguments ...string) (string, error) {
	if !h.state.alive() {
		return "", fmt.Errorf("run %q on host %q: %w", name, h.Name, ErrOff)
	}
	command := h.Command(ctx, name, arguments...)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	output, err := command.Output()
	if err != nil {
		return string(output), fmt.Errorf("run %q on host %q: %w: %s", name, h.Name, err, strings.TrimSpace(complaint.String()))
	}
	return string(output), nil
}

// ErrOff is returned for what needs a running host.
var ErrOff = errors.New("the host is off")

// UnixSocket returns the path of the host's libvirt socket as the machine sees it. It is valid until the host is powered
// off.
func (h *Host) UnixSocket() string { return h.Path("/run/libvirt/libvirt-sock") }

// Path returns where the machine sees a file of the running host. It goes through /proc: an absolute symbolic link on
// the way would lead to the machine's own files.
func (h *Host) Path(name string) string { return filepath.Join(h.proc(), "root", name) }

// PID returns the host's first process as the machine sees it.
func (h *Host) PID() int { return h.state.PID }

// Disk returns where the machine sees the directory of the host's default storage pool, also while the host is off.
func (h *Host) Disk() string { return filepath.Join(h.dir, "images") }

func (h *Host) proc() string { return filepath.Join("/proc", strconv.Itoa(h.state.PID)) }
