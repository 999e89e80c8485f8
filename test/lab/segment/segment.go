// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package segment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	namespaceDir = "/run/netns"
	lanBridge    = "lan0"
	hostBridge   = "br0"
	uplink       = "up0"
	lanName      = "lan"
)

// Prefix is the network of every lab, as in the manual's example.
var Prefix = netip.MustParsePrefix("10.150.0.0/24")

// Gateway is the address of the management cluster and the gateway of the segment.
var Gateway = netip.MustParseAddr("10.150.0.1")

// A lab's name has no hyphen, so that the namespaces of one lab never look like those of another.
var labName = regexp.MustCompile(`^[a-z][a-z0-9]{0,23}$`)

// portName keeps "p-" + name within the 15 characters of an interface name.
var portName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,12}$`)

// Segment is the network of one lab.
type Segment struct {
	lab string
}

// Ensure returns the segment of the lab called lab and creates what is missing of it. It needs root and iproute2.
func Ensure(ctx context.Context, lab string) (*Segment, error) {
	s, unlock, err := openLocked(lab)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := s.ensureNamespace(ctx, lanName); err != nil {
		return nil, err
	}
	if !s.hasLink(ctx, lanName, lanBridge) {
		// Without snooping a multicast VRRP advertisement reaches every port, as on a simple switch.
		if err := s.ip(ctx, lanName, "link", "add", lanBridge, "type", "bridge", "forward_delay", "0", "mcast_snooping", "0"); err != nil {
			return nil, err
		}
	}
	if err := s.ip(ctx, lanName, "address", "replace", netip.PrefixFrom(Gateway, Prefix.Bits()).String(), "dev", lanBridge); err != nil {
		return nil, err
	}
	return s, s.ip(ctx, lanName, "link", "set", lanBridge, "up")
}

// Open returns the segment of the lab called lab if it exists. It changes nothing.
func Open(lab string) (*Segment, error) {
	if !labName.MatchString(lab) {
		return nil, fmt.Errorf("name of lab %q: want %s", lab, labName)
	}
	return &Segment{lab: lab}, nil
}

// Remove removes every namespace of the lab called lab and what is in it. Processes in them keep running,
// without a name for their network; ending them first is the matter of who started them.
func Remove(ctx context.Context, lab string) error {
	s, unlock, err := openLocked(lab)
	if err != nil {
		return err
	}
	defer unlock()
	entries, err := filepath.Glob(filepath.Join(namespaceDir, s.namespace("*")))
	if err != nil {
		return fmt.Errorf("list network namespaces: %w", err)
	}
	for _, entry := range entries {
		if err := s.removeNamespace(ctx, strings.TrimPrefix(filepath.Base(entry), s.namespace(""))); err != nil {
			return err
		}
	}
	// iproute2 leaves a mount on its directory behind. Both calls fail harmlessly while anybody has a namespace there.
	_ = unix.Unmount(namespaceDir, 0)
	_ = os.Remove(namespaceDir)
	_ = os.Remove(lockPath(lab))
	return nil
}

// Lab returns the name of the lab.
func (s *Segment) Lab() string { return s.lab }

// Namespace returns the name of the network namespace of the segment itself, as ip-netns(8) calls it.
func (s *Segment) Namespace() string { return s.namespace(lanName) }

func (s *Segment) namespace(name string) string { return "altcos-" + s.lab + "-" + name }

func openLocked(lab string) (s *Segment, unlock func(), err error) {
	if s, err = Open(lab); err != nil {
		return nil, nil, err
	}
	if os.Geteuid() != 0 {
		return nil, nil, fmt.Errorf("change network of lab %q: only root can do that", lab)
	}
	unlock, err = s.lock()
	return s, unlock, err
}

func lockPath(lab string) string { return "/run/lock/altcos-lab-" + lab + "-segment.lock" }

// lock serialises changes by several processes. A lock file that was removed while we waited for it is taken anew.
func (s *Segment) lock() (unlock func(), err error) {
	for {
		file, err := os.OpenFile(lockPath(s.lab), os.O_CREATE|os.O_RDWR, 0o644)
		if err != nil {
			return nil, fmt.Errorf("open lock of network: %w", err)
		}
		if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
			_ = file.Close()
			return nil, fmt.Errorf("lock network: %w", err)
		}
		held, heldErr := file.Stat()
		named, namedErr := os.Stat(lockPath(s.lab))
		if heldErr == nil && namedErr == nil && os.SameFile(held, named) {
			return func() { _ = file.Close() }, nil
		}
		_ = file.Close()
	}
}

func (s *Segment) ensureNamespace(ctx context.Context, name string) error {
	if _, err := os.Stat(filepath.Join(namespaceDir, s.namespace(name))); err != nil {
		if err := run(ctx, "ip", "netns", "add", s.namespace(name)); err != nil {
			return err
		}
	}
	return s.ip(ctx, name, "link", "set", "lo", "up")
}

func (s *Segment) removeNamespace(ctx context.Context, name string) error {
	if _, err := os.Stat(filepath.Join(namespaceDir, s.namespace(name))); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return run(ctx, "ip", "netns", "delete", s.namespace(name))
}

func (s *Segment) hasLink(ctx context.Context, name, link string) bool {
	return s.ip(ctx, name, "link", "show", "dev", link) == nil
}

func (s *Segment) ip(ctx context.Context, name string, arguments ...string) error {
	return run(ctx, "ip", append([]string{"-n", s.namespace(name)}, arguments...)...)
}

func run(ctx context.Context, name string, arguments ...string) error {
	output, err := exec.CommandContext(ctx, name, arguments...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(arguments, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}
