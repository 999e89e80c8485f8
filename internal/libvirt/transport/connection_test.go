// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	rpc "github.com/digitalocean/go-libvirt"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/libvirtd"
)

func wantUnreachable(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, virt.ErrUnreachable) {
		t.Fatalf("error is %v, want %v", err, virt.ErrUnreachable)
	}
}

// lyingConn delivers everything, and once lies is set says that it did not.
type lyingConn struct {
	net.Conn
	lies *atomic.Bool
}

func (c lyingConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err == nil && c.lies.Load() {
		time.Sleep(200 * time.Millisecond) // the answer comes meanwhile, and the client library blocks on it
		return n, errors.New("write failed")
	}
	return n, err
}

// Without a way around digitalocean/go-libvirt#241 this test never ends. What the library leaves is one connection.
func TestSession_endsAlthoughTheLibraryHoldsItsLock(t *testing.T) {
	daemon, err := libvirtd.Start(t.Context())
	assert.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, daemon.Close()) })
	dial, err := newDialer(virt.Target{URI: daemon.URI()}, nil)
	assert.NoError(t, err)
	var lies atomic.Bool
	lying := func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		return lyingConn{conn, &lies}, err
	}
	s, err := openSession(t.Context(), lying, Limits{Call: time.Second, Probe: 300 * time.Millisecond, Stall: 500 * time.Millisecond}.withDefaults(), func(string) {})
	assert.NoError(t, err)
	lies.Store(true)
	for range 3 {
		_, err = Call(t.Context(), s, func(c *rpc.Libvirt) (uint64, error) { return c.ConnectGetLibVersion() })
		wantUnreachable(t, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if s.alive(ctx) {
		t.Error("the session is called alive")
	}
	closed := make(chan struct{})
	go func() {
		s.close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Fatal("close waits for the library")
	}
	lies.Store(false)
	aside, err := connect(t.Context(), lying, time.Second)
	assert.NoError(t, err)
	lies.Store(true)
	wantUnreachable(t, aside.run(func(c *rpc.Libvirt) error { _, err := c.ConnectGetLibVersion(); return err }))
}
