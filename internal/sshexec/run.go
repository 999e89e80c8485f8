// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package sshexec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

const (
	maxOutput    = 4 << 20
	maxStderr    = 16 << 10
	maxErrorText = 2 << 10
)

// Run runs a script as root and returns its standard output, until the script or ctx ends; with ctx the session is closed
// while the script may go on. A status other than zero is an *ExitError. The text goes ahead of the script's own input on
// the same stream, so that it has no limit of size and neither the process list nor sudo's log shows it.
func (c *Connection) Run(ctx context.Context, script virt.Script) ([]byte, error) {
	text, err := Text(script)
	if err != nil {
		return nil, err
	}
	line := fmt.Sprintf(`env LC_ALL=C sh -c 'eval "$(head -c %d)"'`, len(text))
	if c.target.Sudo {
		line = "sudo -n -- " + line
	}
	output, err := c.run(ctx, line, io.MultiReader(strings.NewReader(text), bytes.NewReader(script.Stdin)))
	if err != nil {
		return output, fmt.Errorf("run script on %q: %w", c.target.Address, err)
	}
	return output, nil
}

func (c *Connection) run(ctx context.Context, line string, stdin io.Reader) ([]byte, error) {
	session, release, err := c.openSession(ctx)
	if err != nil {
		return nil, err
	}
	stdout, stderr := &head{limit: maxOutput}, &tail{limit: maxStderr}
	session.Stdin, session.Stdout, session.Stderr = stdin, stdout, stderr
	ended := make(chan error, 1)
	go func() {
		defer release()
		defer func() { _ = session.Close() }()
		ended <- session.Run(line)
	}()
	select {
	case err = <-ended:
	case <-ctx.Done():
		go func() { _ = session.Close() }() // blocks while the network is stuck
		return nil, c.classify(ctx, ctx.Err())
	}
	if stdout.overflow {
		return nil, fmt.Errorf("%w of %d bytes", ErrOutputTooLarge, maxOutput)
	}
	return stdout.buffer.Bytes(), c.exit(ctx, err, stderr.bytes)
}

// exit turns the outcome of a session into an *ExitError or a transport error.
func (c *Connection) exit(ctx context.Context, err error, stderr []byte) error {
	var status *ssh.ExitError
	var missing *ssh.ExitMissingError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &status):
		text := bytes.TrimSpace(stderr)
		text = text[max(0, len(text)-maxErrorText):]
		return &ExitError{Code: status.ExitStatus(), Signal: status.Signal(), Stderr: strings.ToValidUTF8(string(text), "?")}
	case errors.As(err, &missing):
		return fmt.Errorf("%w: the session ended without a status", ErrUnreachable)
	}
	return c.classify(ctx, err)
}

// openSession waits for one of the sessions that the host allows. The caller calls release once, when the
// session is over.
func (c *Connection) openSession(ctx context.Context) (_ *ssh.Session, release func(), _ error) {
	select {
	case c.sessions <- struct{}{}:
	case <-c.done:
		return nil, nil, ErrUnreachable
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	release = func() { <-c.sessions }
	session, err := c.newSession(ctx)
	if err != nil {
		release()
		return nil, nil, fmt.Errorf("open session: %w", c.classify(ctx, err))
	}
	return session, release, nil
}

// newSession opens a session and gives up with ctx; x/crypto would wait as long as the host does.
func (c *Connection) newSession(ctx context.Context) (*ssh.Session, error) {
	type opened struct {
		session *ssh.Session
		err     error
	}
	answer := make(chan opened)
	go func() {
		session, err := c.client.NewSession()
		select {
		case answer <- opened{session, err}:
		case <-ctx.Done():
			if err == nil {
				_ = session.Close()
			}
		}
	}()
	select {
	case got := <-answer:
		return got.session, got.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// head keeps the first bytes and discards the rest, so that the script is never blocked.
type head struct {
	buffer   bytes.Buffer
	limit    int
	overflow bool
}

// Write implements io.Writer.
func (h *head) Write(p []byte) (int, error) {
	room := h.limit - h.buffer.Len()
	if len(p) > room {
		h.overflow = true
		h.buffer.Write(p[:room])
		return len(p), nil
	}
	return h.buffer.Write(p)
}

// tail keeps the last bytes.
type tail struct {
	bytes []byte
	limit int
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.bytes = append(t.bytes, p...)
	if excess := len(t.bytes) - t.limit; excess > 0 {
		t.bytes = append(t.bytes[:0], t.bytes[excess:]...)
	}
	return len(p), nil
}
