// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package sshexec

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/altcos/cluster-api-provider-altcos/internal/logkeys"
)

// Dialer opens a connection; Dial is the real one.
type Dialer func(ctx context.Context, target Target) (*Connection, error)

// Pool keeps one connection per host. Concurrent callers share one dial; a target that changed gets a new
// connection and the old one is closed.
type Pool struct {
	dial    Dialer
	mutex   sync.Mutex
	entries map[string]*poolEntry
	closed  bool
	dials   sync.WaitGroup
}

// poolEntry is one host: ready is closed when connection and err are set for good.
type poolEntry struct {
	fingerprint [sha256.Size]byte
	cancel      context.CancelFunc
	ready       chan struct{}
	connection  *Connection
	err         error
}

// NewPool returns an empty pool; nil means Dial.
func NewPool(dial Dialer) *Pool {
	if dial == nil {
		dial = Dial
	}
	return &Pool{dial: dial, entries: map[string]*poolEntry{}}
}

// Get returns the connection of the target's host, dialling when there is none that lives. The connection belongs
// to the pool: callers do not close it.
func (p *Pool) Get(ctx context.Context, target Target) (*Connection, error) {
	for {
		entry, err := p.entry(ctx, target)
		if err != nil {
			return nil, err
		}
		select {
		case <-entry.ready:
		case <-ctx.Done():
			return nil, fmt.Errorf("await connection to %q: %w", target.Address, context.Cause(ctx))
		}
		if entry.err != nil {
			return nil, entry.err
		}
		if entry.connection.alive(ctx) {
			return entry.connection, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("await connection to %q: %w", target.Address, context.Cause(ctx))
		}
		logr.FromContextOrDiscard(ctx).V(2).Info("SSH connection is lost, connecting again", logkeys.Address, target.Address)
		p.drop(target.Key, entry)
	}
}

// Evict closes the connection of a host, for example because the host was deleted.
func (p *Pool) Evict(key string) {
	p.mutex.Lock()
	entry := p.entries[key]
	delete(p.entries, key)
	p.mutex.Unlock()
	if entry != nil {
		entry.close()
	}
}

// Close closes every connection and waits for dials under way; Get then answers ErrClosed.
func (p *Pool) Close() error {
	p.mutex.Lock()
	p.closed = true
	entries := p.entries
	p.entries = map[string]*poolEntry{}
	p.mutex.Unlock()
	for _, entry := range entries {
		entry.close()
	}
	p.dials.Wait()
	return nil
}

// entry returns the entry of the target, starting a dial when there is none that fits. The dial outlives the
// caller who started it, because others may wait for it.
func (p *Pool) entry(ctx context.Context, target Target) (*poolEntry, error) {
	fingerprint := target.fingerprint()
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	entry := p.entries[target.Key]
	if entry != nil && entry.fingerprint == fingerprint {
		return entry, nil
	}
	if entry != nil {
		p.dials.Go(entry.close)
	}
	dialCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	entry = &poolEntry{fingerprint: fingerprint, cancel: cancel, ready: make(chan struct{})}
	p.entries[target.Key] = entry
	log := logr.FromContextOrDiscard(ctx).WithValues(logkeys.Address, target.Address)
	p.dials.Go(func() {
		begun := time.Now()
		entry.connection, entry.err = p.dial(dialCtx, target)
		close(entry.ready)
		log = log.WithValues(logkeys.Duration, time.Since(begun))
		if entry.err != nil {
			log.V(2).Info("SSH connection could not be opened", logkeys.Reason, entry.err.Error())
			p.drop(target.Key, entry)
			return
		}
		log.V(2).Info("SSH connection is open")
	})
	return entry, nil
}

// drop forgets an entry unless another has taken its place.
func (p *Pool) drop(key string, entry *poolEntry) {
	p.mutex.Lock()
	if p.entries[key] == entry {
		delete(p.entries, key)
	}
	p.mutex.Unlock()
	entry.close()
}

// close ends the dial or the connection.
func (e *poolEntry) close() {
	e.cancel()
	<-e.ready
	if e.connection != nil {
		_ = e.connection.Close()
	}
}
