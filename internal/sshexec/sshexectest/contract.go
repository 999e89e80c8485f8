// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package sshexectest

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/internal/sshexec"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// Contract checks what every SSH server must let a connection do. target must lead to this very machine.
func Contract(t *testing.T, target sshexec.Target) {
	connection, err := sshexec.Dial(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := connection.Close(); err != nil {
			t.Errorf("close connection: %v", err)
		}
	})
	t.Run("a script of any size gets its variables and its input unchanged", func(t *testing.T) { variables(t, connection) })
	t.Run("a failing script gives an ExitError", func(t *testing.T) { exitError(t, connection) })
	t.Run("output is bounded", func(t *testing.T) { bounded(t, connection) })
	t.Run("a script ends with its context and the connection lives on", func(t *testing.T) { contextEnds(t, connection) })
	t.Run("forty scripts at once wait for their turn", func(t *testing.T) { manyScripts(t, connection) })
	t.Run("a unix socket is forwarded", func(t *testing.T) { socket(t, connection) })
	t.Run("wrong credentials and keys are told apart", func(t *testing.T) { refusals(t, target) })
}

func variables(t *testing.T, c *sshexec.Connection) {
	for _, padding := range []int{0, 10_000, 300_000} { // more than a pipe holds and more than an argument may have
		out, err := c.Run(t.Context(), virt.Script{
			Body:      strings.Repeat("#", padding) + "\nread a; echo \"$greeting $a\"; wc -c\n",
			Variables: map[string]string{"greeting": "it's $HOME  *"},
			Stdin:     append([]byte("text\n"), make([]byte, 150_000)...),
		})
		if err != nil || string(out) != "it's $HOME  * text\n150000\n" {
			t.Errorf("got %q, %v", out, err)
		}
	}
}

func exitError(t *testing.T, c *sshexec.Connection) {
	out, err := c.Run(t.Context(), virt.Script{Body: "echo out; echo why >&2; exit 7"})
	var exit *sshexec.ExitError
	if !errors.As(err, &exit) || exit.Code != 7 || exit.Stderr != "why" || string(out) != "out\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

func bounded(t *testing.T, c *sshexec.Connection) {
	_, err := c.Run(t.Context(), virt.Script{Body: "yes | head -c 5000000"})
	if !errors.Is(err, sshexec.ErrOutputTooLarge) {
		t.Errorf("got %v", err)
	}
}

func contextEnds(t *testing.T, c *sshexec.Connection) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := c.Run(ctx, virt.Script{Body: "sleep 20"})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 5*time.Second {
		t.Errorf("got %v after %s", err, time.Since(begin))
	}
	if out, err := c.Run(t.Context(), virt.Script{Body: "echo alive"}); err != nil || string(out) != "alive\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

func manyScripts(t *testing.T, c *sshexec.Connection) {
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			if _, err := c.Run(t.Context(), virt.Script{Body: "sleep 0.05"}); err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
	all.Wait()
}

func socket(t *testing.T, c *sshexec.Connection) {
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var server sync.WaitGroup
	server.Go(func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = io.Copy(conn, conn)
		_ = conn.Close()
	})
	conn, err := c.Dial(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	echo := make([]byte, 4)
	if _, err := conn.Write([]byte("ping")); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadFull(conn, echo); err != nil || string(echo) != "ping" {
		t.Errorf("got %q, %v", echo, err)
	}
	_ = conn.Close()
	_ = listener.Close()
	server.Wait()
	if _, err := c.Dial(t.Context(), "unix", path+"absent"); err == nil {
		t.Error("an absent socket was dialled")
	}
}

func refusals(t *testing.T, target sshexec.Target) {
	wrongKey, wrongHost, noHost := target, target, target
	wrongKey.PrivateKey = NewKey(t).PEM
	wrongHost.HostKeys = NewKey(t).AuthorizedLine()
	noHost.Address, noHost.HostKeys = "127.0.0.1:1", wrongHost.HostKeys
	for want, bad := range map[error]sshexec.Target{
		sshexec.ErrAuthentication: wrongKey, sshexec.ErrHostKeyMismatch: wrongHost, sshexec.ErrUnreachable: noHost,
	} {
		if c, err := sshexec.Dial(t.Context(), bad); !errors.Is(err, want) {
			t.Errorf("got %v, %v; want %v", c, err, want)
		}
	}
}
