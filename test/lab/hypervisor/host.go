// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package hypervisor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/packages"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/segment"
)

// User is the unprivileged account on every host that may use libvirt. Its keys are those of root.
const User = "altcos-capi"

// bootLimit is how long a host may take until systemd says that it is running; it is under a second on an idle machine.
const bootLimit = 2 * time.Minute

// Options say what a host is like. Equal options for the same state directory mean the same host.
type Options struct {
	// Name is the host name, at most 13 characters.
	Name string
	// Address is the host's address on the segment.
	Address netip.Addr
	// StateDir is a directory of this host alone, on a real disk (an overlay or tmpfs cannot hold it). It keeps the
	// host's disk while the host is off.
	StateDir string
	// AuthorizedKeys may log in as root and as User.
	AuthorizedKeys []ssh.PublicKey
	// KVM gives /dev/kvm to the host. Only a caller that has seen it run a guest should say so: libvirt prefers a KVM
	// that is there, even one that hangs.
	KVM bool
}

// Host is a running hypervisor host.
type Host struct {
	Name    string
	Address netip.Addr
	// SSHHostKey is the only host key that the host's sshd offers (ed25519).
	SSHHostKey ssh.PublicKey

	segment *segment.Segment
	state   state
	dir     string
}

// Ensure returns the host that options describe, running and with all of its units up. A host that is already there is
// taken as it is; one that was powered off starts again with the disk it had.
func Ensure(ctx context.Context, store *artifact.Store, network *segment.Segment, options Options) (*Host, error) {
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("start host %q: only root can do that", options.Name)
	}
	if err := packages.Ensure(ctx, "iproute2", "util-linux"); err != nil {
		return nil, err
	}
	if !filepath.IsAbs(options.StateDir) {
		return nil, fmt.Errorf("start host %q: state directory %q is not absolute", options.Name, options.StateDir)
	}
	base, err := Base(ctx, store)
	if err != nil {
		return nil, err
	}
	host := &Host{Name: options.Name, Address: options.Address, segment: network, dir: options.StateDir}
	if host.SSHHostKey, err = prepareDisk(network.Lab(), options); err != nil {
		return nil, fmt.Errorf("prepare disk of host %q: %w", options.Name, err)
	}
	if err := host.bringUp(ctx, base, options); err != nil {
		return nil, fmt.Errorf("start host %q: %w", options.Name, err)
	}
	if err := host.awaitBoot(ctx); err != nil {
		return nil, fmt.Errorf("start host %q: %w", options.Name, err)
	}
	return host, nil
}

// bringUp starts the host unless it runs. Programs that want the same host wait for one another.
func (h *Host) bringUp(ctx context.Context, base string, options Options) error {
	lock, err := os.OpenFile(filepath.Join(h.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open lock of host: %w", err)
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock host: %w", err)
	}
	h.state, err = readState(h.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if h.state.alive() && h.connected() {
		return nil
	}
	// A dead host may have left its namespace with addresses that still answer; a live one without network is of no use.
	if err := h.PowerOff(ctx); err != nil {
		return err
	}
	return h.start(ctx, base, options)
}

// connected reports whether the host's network namespace is still the one that the segment knows.
func (h *Host) connected() bool {
	known, err := os.Stat(h.segment.PortNamespace(h.Name))
	if err != nil {
		return false
	}
	own, err := os.Stat(filepath.Join(h.proc(), "ns/net"))
	return err == nil && os.SameFile(known, own)
}

// PowerOff takes the host's power away: every process in it is killed at once, virtual machines too, and its port on the
// segment falls silent. What it wrote stays; Ensure starts it again. A host that is off is no error.
func (h *Host) PowerOff(ctx context.Context) error {
	if err := h.segment.RemovePort(ctx, h.Name); err != nil {
		return err
	}
	if err := h.state.kill(ctx); err != nil {
		return fmt.Errorf("power off host %q: %w", h.Name, err)
	}
	if err := removeCgroup(ctx, h.state.Cgroup); err != nil {
		return fmt.Errorf("power off host %q: %w", h.Name, err)
	}
	return removeState(h.dir)
}

// Remove powers the host off and throws its disk away.
func (h *Host) Remove(ctx context.Context) error {
	if err := h.PowerOff(ctx); err != nil {
		return err
	}
	return removeDisk(h.dir)
}

// Remove powers off the host whose state directory is stateDir, if there is one, and throws its disk away. It needs
// nothing but the directory, so that it also clears what an earlier, broken run left.
func Remove(ctx context.Context, network *segment.Segment, name, stateDir string) error {
	found, err := readState(stateDir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	host := &Host{Name: name, segment: network, dir: stateDir, state: found}
	return host.Remove(ctx)
}

// Freeze stops every process of the host, virtual machines too, without ending any: the host hangs, but its kernel still
// acknowledges what is sent to open connections.
func (h *Host) Freeze() error { return h.freeze("1") }

// Thaw lets a frozen host go on.
func (h *Host) Thaw() error { return h.freeze("0") }

func (h *Host) freeze(value string) error {
	if err := os.WriteFile(filepath.Join(h.state.Cgroup, "cgroup.freeze"), []byte(value), 0o200); err != nil {
		return fmt.Errorf("freeze or thaw host %q: %w", h.Name, err)
	}
	return nil
}

// Cut pulls the host's network cable. Its virtual machines go on and reach those on the same host only.
func (h *Host) Cut(ctx context.Context) error { return h.segment.Cut(ctx, h.Name) }

// Restore puts the host's network cable back.
func (h *Host) Restore(ctx context.Context) error { return h.segment.Restore(ctx, h.Name) }
