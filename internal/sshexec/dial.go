// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package sshexec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// dialTimeout bounds TCP connect, key exchange and login together.
const dialTimeout = 20 * time.Second

// userTimeout is how long sent data may stay unacknowledged before the kernel gives the connection up.
const userTimeout = 20 * time.Second

// Dial opens a connection to the target. The errors are ErrInvalidTarget, ErrUnreachable, ErrHostKeyMismatch
// and ErrAuthentication.
func Dial(ctx context.Context, target Target) (*Connection, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	endpoint, err := target.endpoint()
	if err != nil {
		return nil, err
	}
	if _, err := newLogin(target, endpoint); err != nil { // what is wrong here needs no network to be found
		return nil, fmt.Errorf("dial %q: %w", endpoint, err)
	}
	socket, err := openSocket(ctx, endpoint)
	if err != nil {
		return nil, fmt.Errorf("dial %q: %w: %w", endpoint, ErrUnreachable, err)
	}
	return DialOver(ctx, socket, target)
}

// DialOver is Dial over a socket that leads to the target already, for example through a jump host. The socket
// belongs to the connection and is closed when there is none.
func DialOver(ctx context.Context, socket net.Conn, target Target) (*Connection, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	endpoint, err := target.endpoint()
	if err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	login, err := newLogin(target, endpoint)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("dial %q: %w", endpoint, err), socket.Close())
	}
	client, err := login.handshake(ctx, socket, endpoint)
	if err != nil {
		return nil, fmt.Errorf("dial %q: %w", endpoint, err)
	}
	return newConnection(client, target), nil
}

func openSocket(ctx context.Context, endpoint string) (net.Conn, error) {
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3,
	}}
	socket, err := dialer.DialContext(ctx, "tcp", endpoint)
	if err != nil {
		return nil, err
	}
	if tcp, ok := socket.(*net.TCPConn); ok {
		if err := setUserTimeout(tcp); err != nil {
			return nil, errors.Join(err, socket.Close())
		}
	}
	return socket, nil
}

func setUserTimeout(tcp *net.TCPConn) error {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return fmt.Errorf("set TCP user timeout: %w", err)
	}
	var setErr error
	err = raw.Control(func(fd uintptr) {
		setErr = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds()))
	})
	if err := errors.Join(err, setErr); err != nil {
		return fmt.Errorf("set TCP user timeout: %w", err)
	}
	return nil
}

// login carries what the callbacks of one handshake saw, because x/crypto reports a refused key and a broken
// network alike as text.
type login struct {
	config    *ssh.ClientConfig
	mismatch  error
	attempted bool
}

func newLogin(target Target, endpoint string) (*login, error) {
	keys, err := parseHostKeys(target.HostKeys, endpoint)
	if err != nil {
		return nil, err
	}
	signer, err := target.signer()
	if err != nil {
		return nil, err
	}
	l := &login{}
	l.config = &ssh.ClientConfig{
		User: target.User,
		Auth: []ssh.AuthMethod{ssh.PublicKeysCallback(func() ([]ssh.Signer, error) {
			l.attempted = true
			return []ssh.Signer{signer}, nil
		})},
		HostKeyAlgorithms: keys.algorithms(),
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			if !keys.accepts(key) {
				l.mismatch = fmt.Errorf("%w: shown %s %s", ErrHostKeyMismatch, key.Type(), ssh.FingerprintSHA256(key))
				return l.mismatch
			}
			return nil
		},
	}
	return l, nil
}

// handshake runs key exchange and login; ssh.ClientConfig.Timeout does not cover them, a deadline does.
func (l *login) handshake(ctx context.Context, socket net.Conn, endpoint string) (*ssh.Client, error) {
	stop := context.AfterFunc(ctx, func() { _ = socket.SetDeadline(time.Unix(1, 0)) })
	conn, channels, requests, err := ssh.NewClientConn(socket, endpoint, l.config)
	if err != nil {
		stop()
		_ = socket.Close()
		return nil, l.classify(ctx, err)
	}
	if !stop() {
		_ = conn.Close()
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, context.Cause(ctx))
	}
	return ssh.NewClient(conn, channels, requests), nil
}

func (l *login) classify(ctx context.Context, err error) error {
	var netErr net.Error
	var negotiation *ssh.AlgorithmNegotiationError
	switch {
	case l.mismatch != nil:
		return l.mismatch
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", ErrUnreachable, context.Cause(ctx))
	case errors.As(err, &negotiation) && negotiation.What == "host key":
		return fmt.Errorf("%w: the host offers no key of a pinned type: %w", ErrHostKeyMismatch, err)
	case errors.As(err, &netErr), errors.Is(err, io.EOF), errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	case l.attempted:
		return fmt.Errorf("%w: user %q", ErrAuthentication, l.config.User)
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}
