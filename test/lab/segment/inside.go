// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package segment

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// Command returns a command that runs inside the segment, as if on the gateway. The started process is the program
// itself (its PID is the command's), not a wrapper.
func (s *Segment) Command(ctx context.Context, name string, arguments ...string) *exec.Cmd {
	wrapped := append([]string{"--net=" + filepath.Join(namespaceDir, s.Namespace()), "--", name}, arguments...)
	return exec.CommandContext(ctx, "nsenter", wrapped...)
}

// DialContext connects from inside the segment. The address is numeric, with a port: names are not resolved there.
func (s *Segment) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, fmt.Errorf("connect inside lab %q: %w", s.lab, err)
	}
	var connection net.Conn
	err := s.inside(func() (err error) {
		// A numeric address takes the path of net.Dialer that opens the socket in the calling goroutine.
		connection, err = (&net.Dialer{}).DialContext(ctx, network, address)
		return err
	})
	return connection, err
}

// Listen listens inside the segment on a numeric address with a port.
func (s *Segment) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, fmt.Errorf("listen inside lab %q: %w", s.lab, err)
	}
	var listener net.Listener
	err := s.inside(func() (err error) {
		listener, err = (&net.ListenConfig{}).Listen(ctx, network, address)
		return err
	})
	return listener, err
}

// inside runs act on a thread that is in the segment's network namespace. Sockets stay in the namespace in which they were created.
func (s *Segment) inside(act func() error) error {
	target, err := os.Open(filepath.Join(namespaceDir, s.Namespace()))
	if err != nil {
		return fmt.Errorf("open network namespace: %w", err)
	}
	defer target.Close()
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		origin, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			done <- fmt.Errorf("open own network namespace: %w", err)
			return // never unlocked: the runtime ends the thread, whatever its namespace
		}
		defer origin.Close()
		if err := unix.Setns(int(target.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("enter network namespace %q: %w", s.Namespace(), err)
			return
		}
		err = act()
		if unix.Setns(int(origin.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}
