// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package sshexectest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/internal/sshexec"
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
	t.Run("a command gets its words and its input unchanged", func(t *testing.T) { words(t, connection) })
	t.Run("a failing command gives an ExitError", func(t *testing.T) { exitError(t, connection) })
	t.Run("output is bounded", func(t *testing.T) { bounded(t, connection) })
	t.Run("a command ends with its context and the connection lives on", func(t *testing.T) { contextEnds(t, connection) })
	t.Run("forty commands at once wait for their turn", func(t *testing.T) { manyCommands(t, connection) })
	t.Run("a file is replaced atomically with its mode", func(t *testing.T) { files(t, connection) })
	t.Run("a unix socket is forwarded", func(t *testing.T) { socket(t, connection) })
	t.Run("wrong credentials and keys are told apart", func(t *testing.T) { refusals(t, target) })
}

func words(t *testing.T, c *sshexec.Connection) {
	result, err := c.Run(t.Context(), sshexec.Command{
		Argv: []string{"sh", "-c", `printf '%s|' "$@"; cat`, "x", "it's", "$HOME", "a  b", "*"}, Stdin: strings.NewReader("in"),
	})
	if want := "it's|$HOME|a  b|*|in"; err != nil || string(result.Stdout) != want {
		t.Errorf("got %q, %v; want %q", result.Stdout, err, want)
	}
	for _, padding := range []int{0, 10_000, 300_000} { // more than a pipe holds and more than an argument may have
		script := strings.Repeat("#", padding) + "\nread a; echo \"got $a\"; wc -c\n"
		out, err := c.RunScript(t.Context(), script, append([]byte("text\n"), make([]byte, 150_000)...))
		if err != nil || string(out) != "got text\n150000\n" {
			t.Errorf("got %q, %v", out, err)
		}
	}
}

func exitError(t *testing.T, c *sshexec.Connection) {
	result, err := c.Run(t.Context(), sshexec.Command{Script: "echo out; echo why >&2; exit 7"})
	var exit *sshexec.ExitError
	if !errors.As(err, &exit) || exit.Code != 7 || exit.Stderr != "why" || string(result.Stdout) != "out\n" {
		t.Errorf("got %q, %v", result.Stdout, err)
	}
}

func bounded(t *testing.T, c *sshexec.Connection) {
	_, err := c.Run(t.Context(), sshexec.Command{Script: "yes | head -c 3000000", MaxOutput: 1000})
	if !errors.Is(err, sshexec.ErrOutputTooLarge) {
		t.Errorf("got %v", err)
	}
}

func contextEnds(t *testing.T, c *sshexec.Connection) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := c.Run(ctx, sshexec.Command{Script: "sleep 20"})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 5*time.Second {
		t.Errorf("got %v after %s", err, time.Since(begin))
	}
	if out, err := c.RunScript(t.Context(), "echo alive", nil); err != nil || string(out) != "alive\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

func manyCommands(t *testing.T, c *sshexec.Connection) {
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			if _, err := c.RunScript(t.Context(), "sleep 0.05", nil); err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
	all.Wait()
}

func files(t *testing.T, c *sshexec.Connection) {
	ctx, directory := t.Context(), t.TempDir()
	name := filepath.Join(directory, "deep", "er", "file")
	if err := c.MakeDirectory(ctx, filepath.Dir(name)); err != nil {
		t.Fatal(err)
	}
	for _, content := range [][]byte{[]byte("one"), bytes.Repeat([]byte("x"), 200_000), {}} {
		if err := c.PutAtomic(ctx, name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := c.ReadFile(ctx, name, 1<<20)
		if err != nil || !bytes.Equal(got, content) {
			t.Fatalf("read %d bytes, %v; want %d", len(got), err, len(content))
		}
	}
	if info, err := c.Stat(ctx, name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", info, err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(name), ".*")); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
	if err := c.PutAtomic(ctx, filepath.Join(directory, "absent", "file"), nil, 0o644); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("put into an absent directory: %v", err)
	}
	for range 2 {
		if err := c.Remove(ctx, name); err != nil {
			t.Errorf("remove: %v", err)
		}
	}
	if _, err := c.ReadFile(ctx, name, 10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read absent file: %v", err)
	}
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
