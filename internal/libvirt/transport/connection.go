// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	rpc "github.com/digitalocean/go-libvirt"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// systemURI is what libvirtd is asked for once the stream stands, whatever brought us there.
const systemURI = rpc.QEMUSystem

// connection is one stream to libvirtd and the client object that lives and dies with it: the client library can
// connect again, but races with its own clean-up when it does.
type connection struct {
	client *rpc.Libvirt
	conn   *watchedConn
}

// connect dials and opens the hypervisor, all within the context.
func connect(ctx context.Context, dial dialer, stall time.Duration) (*connection, error) {
	raw, err := dial(ctx)
	if err != nil {
		return nil, Classify(fmt.Errorf("dial libvirtd: %w", err))
	}
	conn := &watchedConn{Conn: raw, stall: stall, done: make(chan struct{})}
	client := rpc.NewWithDialer(connected{conn})
	opened := make(chan error, 1)
	go func() { opened <- client.ConnectToURI(systemURI) }()
	established := &connection{client: client, conn: conn}
	select {
	case err = <-opened:
	case <-ctx.Done():
		conn.end()
		_ = established.await(opened)
		err = context.Cause(ctx)
	}
	if err != nil {
		conn.end()
		return nil, Classify(fmt.Errorf("open hypervisor: %w", err))
	}
	return established, nil
}

// libraryGrace is how long the client library may take to return once its stream has ended.
const libraryGrace = time.Second

// await waits for the answer to a call, and not much longer than the connection lives. The library can hold its lock for
// ever when a write fails whose answer has come all the same (digitalocean/go-libvirt#241): such a call is left behind
// with its connection. Errors: that of the call, virt.ErrUnreachable.
func (c *connection) await(answered <-chan error) error {
	select {
	case err := <-answered:
		return err
	case <-c.conn.done:
	}
	timer := time.NewTimer(libraryGrace)
	defer timer.Stop()
	select {
	case err := <-answered:
		return err
	case <-timer.C:
		return fmt.Errorf("%w: connection is lost", virt.ErrUnreachable)
	}
}

// run is await for a call that it starts.
func (c *connection) run(call func(*rpc.Libvirt) error) error {
	answered := make(chan error, 1)
	go func() { answered <- call(c.client) }()
	return c.await(answered)
}

// connected gives the client library a stream that stands already.
type connected struct{ net.Conn }

// Dial implements the library's socket.Dialer.
func (c connected) Dial() (net.Conn, error) { return c.Conn, nil }

// watchedConn notices that the stream has ended, and ends it when the host accepts nothing for too long. SSH channels have
// no deadlines, hence the timer.
type watchedConn struct {
	net.Conn
	stall time.Duration
	once  sync.Once
	done  chan struct{}
}

// Read implements net.Conn.
func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		c.end()
	}
	return n, err
}

// Write implements net.Conn.
func (c *watchedConn) Write(p []byte) (int, error) {
	timer := time.AfterFunc(c.stall, c.end)
	defer timer.Stop()
	n, err := c.Conn.Write(p)
	if err != nil {
		c.end()
	}
	return n, err
}

// Close implements net.Conn.
func (c *watchedConn) Close() error {
	c.end()
	return nil
}

// end closes the stream once. Every call that waits for an answer on it returns.
func (c *watchedConn) end() {
	c.once.Do(func() {
		close(c.done)
		_ = c.Conn.Close()
	})
}
