// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package sshexec

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// maxSessions leaves two of OpenSSH's ten sessions (MaxSessions) free.
const maxSessions = 8

// probeTimeout bounds the probe of a connection that is in doubt.
const probeTimeout = 5 * time.Second

// Connection is one SSH connection, safe for concurrent use. It is shared by scripts and forwarded sockets; whoever dialled
// it closes it.
type Connection struct {
	client   *ssh.Client
	target   Target
	sessions chan struct{}
	done     chan struct{}
	inDoubt  atomic.Bool

	closeOnce sync.Once
	closeErr  error
}

func newConnection(client *ssh.Client, target Target) *Connection {
	c := &Connection{
		client: client, target: target,
		sessions: make(chan struct{}, maxSessions),
		done:     make(chan struct{}),
	}
	go func() {
		_ = client.Wait()
		close(c.done)
	}()
	return c
}

// Dial opens a connection from the host: network "unix" reaches a socket file there, "tcp" an address as the host
// sees it. The result knows no deadlines (SSH channels have none); close it to interrupt a call.
func (c *Connection) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := c.client.DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("dial %s %q on %q: %w", network, address, c.target.Address, c.classify(ctx, err))
	}
	return conn, nil
}

// Address is the address that was dialled, for messages.
func (c *Connection) Address() string { return c.target.Address }

// Done is closed when the connection has ended for whatever reason.
func (c *Connection) Done() <-chan struct{} { return c.done }

// Close ends the connection and everything that runs on it. It may be called more than once.
func (c *Connection) Close() error {
	c.closeOnce.Do(func() {
		err := c.client.Close()
		if !errors.Is(err, net.ErrClosed) {
			c.closeErr = err
		}
		<-c.done
	})
	return c.closeErr
}

// alive reports whether the connection can be handed out again. Only a connection on which a call ran into its
// deadline is asked; TCP keepalive finds the other losses.
func (c *Connection) alive(ctx context.Context) bool {
	select {
	case <-c.done:
		return false
	default:
	}
	if !c.inDoubt.Load() {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	answered := make(chan error, 1)
	go func() {
		_, _, err := c.client.SendRequest("keepalive@openssh.com", true, nil)
		answered <- err
	}()
	select {
	case err := <-answered:
		c.inDoubt.Store(err != nil)
		return err == nil
	case <-ctx.Done():
		return false
	}
}

// classify turns errors of the transport into the errors of this package.
func (c *Connection) classify(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		c.inDoubt.Store(true)
		return context.Cause(ctx)
	}
	select {
	case <-c.done:
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	default:
		return err
	}
}
