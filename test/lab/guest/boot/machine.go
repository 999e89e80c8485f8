// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

const (
	emulator     = "qemu-system-x86_64"
	consoleEvery = 200 * time.Millisecond
	dataDiskSize = "10G"
)

// Options say what to start.
type Options struct {
	// Image is the qcow2 file that the root disk, thrown away at the end, is laid over.
	Image string
	// Ignition is the configuration that the machine finds in its firmware.
	Ignition []byte
	// KVM runs the machine on the processor's virtualisation instead of QEMU's emulation.
	KVM bool
	// MemoryMiB is the size of its memory; 0 means 3072.
	MemoryMiB int
	// Dir is an empty directory for disks and console.
	Dir string
}

// Machine is a running machine without a network.
type Machine struct {
	command *exec.Cmd
	console string
	ended   chan struct{}
	stderr  bytes.Buffer
}

// Start starts a machine. It ends with ctx or with Stop.
func Start(ctx context.Context, options Options) (*Machine, error) {
	root, data := filepath.Join(options.Dir, "root.qcow2"), filepath.Join(options.Dir, "data.qcow2")
	for _, arguments := range [][]string{
		{"create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", options.Image, root},
		{"create", "-q", "-f", "qcow2", data, dataDiskSize},
	} {
		if output, err := exec.CommandContext(ctx, "qemu-img", arguments...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("create disk: %w: %s", err, bytes.TrimSpace(output))
		}
	}
	ignition := filepath.Join(options.Dir, "config.ign")
	if err := os.WriteFile(ignition, options.Ignition, 0o600); err != nil {
		return nil, fmt.Errorf("write Ignition config: %w", err)
	}
	machine := &Machine{console: filepath.Join(options.Dir, "console.log"), ended: make(chan struct{})}
	arguments := append(accelerator(options.KVM),
		"-machine", "q35", "-smp", "2", "-m", strconv.Itoa(memory(options)), "-nodefaults", "-no-user-config", "-display", "none", "-nic", "none",
		"-device", "virtio-scsi-pci,id=scsi", "-device", "virtio-rng-pci",
		"-drive", "if=none,id=root,cache=unsafe,file="+root, "-device", "scsi-hd,bus=scsi.0,drive=root,serial=root",
		"-drive", "if=none,id=data,cache=unsafe,file="+data, "-device", "scsi-hd,bus=scsi.0,drive=data,serial=data",
		"-fw_cfg", "name=opt/com.coreos/config,file="+ignition, "-serial", "file:"+machine.console)
	machine.command = exec.CommandContext(ctx, emulator, arguments...)
	machine.command.Stderr = &machine.stderr
	if err := machine.command.Start(); err != nil {
		return nil, fmt.Errorf("start machine: %w", err)
	}
	go func() {
		defer close(machine.ended)
		_ = machine.command.Wait() // killed at the end, so its status says nothing
	}()
	return machine, nil
}

func accelerator(kvm bool) []string {
	if kvm {
		return []string{"-accel", "kvm", "-cpu", "host"}
	}
	return []string{"-accel", "tcg,thread=multi", "-cpu", "max"}
}

func memory(options Options) int {
	if options.MemoryMiB == 0 {
		return 3072
	}
	return options.MemoryMiB
}

// WaitFor returns when the console has shown text, or with an error when ctx ends or the machine does.
func (m *Machine) WaitFor(ctx context.Context, text string) error {
	ticker := time.NewTicker(consoleEvery)
	defer ticker.Stop()
	for {
		shown, err := m.Console()
		if err == nil && bytes.Contains(shown, []byte(text)) {
			return nil
		}
		select {
		case <-m.ended:
			return fmt.Errorf("wait for %q on the console: machine ended: %s", text, bytes.TrimSpace(m.stderr.Bytes()))
		case <-ctx.Done():
			return fmt.Errorf("wait for %q on the console: %w", text, ctx.Err())
		case <-ticker.C:
		}
	}
}

// Console returns what the machine has written to its serial port.
func (m *Machine) Console() ([]byte, error) {
	shown, err := os.ReadFile(m.console)
	if err != nil {
		return nil, fmt.Errorf("read console: %w", err)
	}
	return shown, nil
}

// Stop ends the machine without asking it.
func (m *Machine) Stop() error {
	err := m.command.Process.Kill()
	<-m.ended
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop machine: %w", err)
	}
	return nil
}
