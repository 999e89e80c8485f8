// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package sshexec_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/internal/sshexec"
	"github.com/altcos/cluster-api-provider-altcos/internal/sshexec/sshexectest"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

func newPool(t *testing.T) *sshexec.Pool {
	t.Helper()
	pool := sshexec.NewPool(nil)
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return pool
}

func mustGet(t *testing.T, pool *sshexec.Pool, target sshexec.Target) *sshexec.Connection {
	t.Helper()
	connection, err := pool.Get(t.Context(), target)
	assert.NoError(t, err)
	return connection
}

func TestPool_sharesOneDial(t *testing.T) {
	server := sshexectest.Start(t)
	pool := newPool(t)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := pool.Get(t.Context(), server.Target()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := server.Dials.Load(); got != 1 {
		t.Errorf("dialled %d times", got)
	}
}

func TestPool_replacesWhatChangedOrDied(t *testing.T) {
	server := sshexectest.Start(t)
	pool := newPool(t)
	first := mustGet(t, pool, server.Target())
	changed := server.Target()
	changed.Generation = "2"
	second := mustGet(t, pool, changed)
	<-first.Done()
	if second == first {
		t.Error("a changed target got the old connection")
	}
	server.DropConnections()
	<-second.Done()
	third := mustGet(t, pool, changed)
	if _, err := third.Run(t.Context(), virt.Script{Body: "true"}); err != nil {
		t.Error(err)
	}
	pool.Evict("host")
	<-third.Done()
	if _, err := third.Run(t.Context(), virt.Script{Body: "true"}); !errors.Is(err, sshexec.ErrUnreachable) {
		t.Errorf("run on an evicted connection: %v", err)
	}
}

func TestPool_dropsConnectionThatHangs(t *testing.T) {
	server := sshexectest.Start(t)
	pool := newPool(t)
	first := mustGet(t, pool, server.Target())
	server.Hang.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := first.Run(ctx, virt.Script{Body: "true"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("run on a hanging host: %v", err)
	}
	if second := mustGet(t, pool, server.Target()); second == first {
		t.Error("the pool gave out a connection that hangs")
	}
}

func TestPool_oneCallersImpatienceLeavesTheDialToOthers(t *testing.T) {
	release := make(chan struct{})
	server := sshexectest.Start(t)
	pool := sshexec.NewPool(func(ctx context.Context, target sshexec.Target) (*sshexec.Connection, error) {
		<-release
		return sshexec.Dial(ctx, target)
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pool.Get(ctx, server.Target()); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	close(release)
	mustGet(t, pool, server.Target())
	if err := pool.Close(); err != nil {
		t.Error(err)
	}
	if _, err := pool.Get(t.Context(), server.Target()); !errors.Is(err, sshexec.ErrClosed) {
		t.Errorf("get from a closed pool: %v", err)
	}
}

func TestTarget_neverPrintsItsKey(t *testing.T) {
	target := sshexec.Target{PrivateKey: sshexec.Secret("very-private")}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
		text := fmt.Sprintf(verb, target)
		if strings.Contains(text, "very-private") || strings.Contains(text, "766572792d70") {
			t.Errorf("%s prints %q", verb, text)
		}
	}
	target = sshexec.Target{Address: "a", User: "u", PrivateKey: sshexec.Secret("very-private"), HostKeys: sshexectest.NewKey(t).AuthorizedLine()}
	if _, err := sshexec.Dial(t.Context(), target); !errors.Is(err, sshexec.ErrInvalidTarget) || strings.Contains(fmt.Sprint(err), "very") {
		t.Errorf("got %v", err)
	}
}
