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
)

const (
	defaultMaxOutput = 4 << 20
	maxStderr        = 16 << 10
	maxErrorText     = 2 << 10
)

// Command says what to run on a host. Exactly one of Argv and Script is set. Neither may hold secrets: every user
// of the host can read command lines. Secrets belong on Stdin.
type Command struct {
	// Argv is run without interpretation by a shell.
	Argv []string
	// Script is run by "sh -c".
	Script string
	// Stdin is fed to the command; nil is an empty input.
	Stdin io.Reader
	// Sudo runs the command as root through "sudo -n".
	Sudo bool
	// MaxOutput bounds standard output in bytes; zero means 4 MiB. More is ErrOutputTooLarge.
	MaxOutput int
}

// Result is what a command wrote. Stderr is cut to its last 16 KiB.
type Result struct {
	Stdout []byte
	Stderr []byte
}

// Run runs the command until it ends or ctx does; then the session is closed, the command may go on running.
// A status other than zero is an *ExitError; what was written until then is returned with it.
func (c *Connection) Run(ctx context.Context, command Command) (Result, error) {
	line, err := command.line()
	if err != nil {
		return Result{}, err
	}
	result, err := c.run(ctx, line, command)
	if err != nil {
		return result, fmt.Errorf("run command on %q: %w", c.target.Address, err)
	}
	return result, nil
}

// RunScript runs a POSIX shell script as root and returns its standard output. The script goes ahead of stdin on the same
// stream, so that it has no limit of size and neither the process list nor sudo's log shows it.
func (c *Connection) RunScript(ctx context.Context, script string, stdin []byte) ([]byte, error) {
	result, err := c.Run(ctx, Command{
		Argv:  []string{"sh", "-c", fmt.Sprintf(`eval "$(head -c %d)"`, len(script))},
		Stdin: io.MultiReader(strings.NewReader(script), bytes.NewReader(stdin)),
		Sudo:  c.target.Sudo,
	})
	return result.Stdout, err
}

// line builds the command line that the login shell of the host gets.
func (c Command) line() (string, error) {
	if (len(c.Argv) == 0) == (c.Script == "") {
		return "", errors.New("exactly one of Argv and Script must be set")
	}
	argv := c.Argv
	if c.Script != "" {
		argv = []string{"sh", "-c", c.Script}
	}
	prefix := []string{"env", "LC_ALL=C"}
	if c.Sudo {
		prefix = []string{"sudo", "-n", "--", "env", "LC_ALL=C"}
	}
	words := make([]string, 0, len(prefix)+len(argv))
	for _, word := range append(prefix, argv...) {
		if strings.ContainsRune(word, 0) {
			return "", errors.New("a command line cannot hold a NUL byte")
		}
		words = append(words, quote(word))
	}
	return strings.Join(words, " "), nil
}

// quote makes one word of any text for a POSIX shell.
func quote(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func (c *Connection) run(ctx context.Context, line string, command Command) (Result, error) {
	session, release, err := c.openSession(ctx)
	if err != nil {
		return Result{}, err
	}
	limit := command.MaxOutput
	if limit <= 0 {
		limit = defaultMaxOutput
	}
	stdout, stderr := &head{limit: limit}, &tail{limit: maxStderr}
	session.Stdin, session.Stdout, session.Stderr = command.Stdin, stdout, stderr
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
		return Result{}, c.classify(ctx, ctx.Err())
	}
	result := Result{Stdout: stdout.buffer.Bytes(), Stderr: stderr.bytes}
	if stdout.overflow {
		return Result{Stderr: result.Stderr}, fmt.Errorf("%w of %d bytes", ErrOutputTooLarge, limit)
	}
	return result, c.exit(ctx, err, result.Stderr)
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

// head keeps the first bytes and swallows the rest, so that the command never stalls.
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
