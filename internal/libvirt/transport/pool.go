// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/altcos/cluster-api-provider-altcos/internal/logkeys"
	"github.com/altcos/cluster-api-provider-altcos/internal/sshexec"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// redials is how often Session connects anew when a fresh session dies at once.
const redials = 2

// Pool keeps one session and one SSH connection per host, which all callers share.
type Pool struct {
	ssh    *sshexec.Pool
	limits Limits
	events *eventQueue
	stop   chan struct{}

	mutex   sync.Mutex
	entries map[string]*poolEntry
	closed  bool
	work    sync.WaitGroup
}

// poolEntry is one host: ready is closed when session, or err and failed, are set for good.
type poolEntry struct {
	revision, uri string
	cancel        context.CancelFunc
	ready         chan struct{}
	session       *Session
	err           error
	failed        time.Time
}

// NewPool returns an empty pool that waits for hosts as long as limits say. Close ends it.
func NewPool(limits Limits) *Pool {
	p := &Pool{
		ssh:     sshexec.NewPool(nil),
		limits:  limits.withDefaults(),
		events:  newEventQueue(),
		stop:    make(chan struct{}),
		entries: map[string]*poolEntry{},
	}
	p.work.Go(func() { p.events.run(p.stop) })
	return p
}

// Session returns the host's session, connecting if there is none that lives and fits the target. Callers ask anew for
// each reconciliation. Errors: virt.ErrUnreachable, virt.ErrAuthentication, virt.ErrInvalid.
func (p *Pool) Session(ctx context.Context, target virt.Target) (*Session, error) {
	session, err := p.session(ctx, target)
	if err != nil {
		return nil, fmt.Errorf("connect to host %q: %w", target.Name, err)
	}
	return session, nil
}

func (p *Pool) session(ctx context.Context, target virt.Target) (*Session, error) {
	dial, err := newDialer(target, p.ssh)
	if err != nil {
		return nil, err
	}
	for range redials {
		entry, err := p.entry(ctx, target, dial)
		if err != nil {
			return nil, err
		}
		select {
		case <-entry.ready:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", virt.ErrUnreachable, context.Cause(ctx))
		}
		if entry.err != nil {
			return nil, entry.err
		}
		if entry.session.alive(ctx) {
			return entry.session, nil
		}
		if ctx.Err() != nil {
			break
		}
		logr.FromContextOrDiscard(ctx).V(1).Info("Session is lost, connecting again", logkeys.Host, target.Name)
		p.drop(target.Name, entry)
	}
	return nil, fmt.Errorf("%w: connection is lost", virt.ErrUnreachable)
}

// Forget implements virt.Connector. Whoever still needs the host gets new connections.
func (p *Pool) Forget(name string) {
	p.mutex.Lock()
	entry := p.entries[name]
	delete(p.entries, name)
	p.mutex.Unlock()
	if entry != nil {
		entry.close()
	}
	p.ssh.Evict(name)
}

// Events implements virt.Connector. The channel is closed by Close.
func (p *Pool) Events() <-chan virt.Event { return p.events.out }

// Close closes all connections and waits until nothing runs any more. Session and Shell then answer virt.ErrUnreachable.
func (p *Pool) Close() error {
	p.mutex.Lock()
	if p.closed {
		p.mutex.Unlock()
		return nil
	}
	p.closed = true
	entries := p.entries
	p.entries = map[string]*poolEntry{}
	p.mutex.Unlock()
	close(p.stop)
	for _, entry := range entries {
		entry.close()
	}
	p.work.Wait()
	return p.ssh.Close()
}

// entry returns the entry of the target, connecting when there is none that fits. The attempt outlives the caller who
// started it, because others may wait for it; openSession bounds it. One that failed answers all callers for a while: a
// hundred machines on a host that is silent would otherwise hold a worker each for as long as an attempt takes.
func (p *Pool) entry(ctx context.Context, target virt.Target, dial dialer) (*poolEntry, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.closed {
		return nil, fmt.Errorf("%w: connections are closed", virt.ErrUnreachable)
	}
	entry := p.entries[target.Name]
	if entry != nil && entry.revision == target.Revision && entry.uri == target.URI && !entry.hasFailed(p.limits.Remember) {
		return entry, nil
	}
	if entry != nil {
		p.work.Go(entry.close)
	}
	attempt, cancel := context.WithCancel(context.WithoutCancel(ctx))
	entry = &poolEntry{revision: target.Revision, uri: target.URI, cancel: cancel, ready: make(chan struct{})}
	p.entries[target.Name] = entry
	log := logr.FromContextOrDiscard(ctx).WithValues(logkeys.Host, target.Name)
	p.work.Go(func() {
		notify := func(uuid string) { p.events.put(virt.Event{Host: target.Name, UUID: uuid}) }
		begun := time.Now()
		entry.session, entry.err = openSession(attempt, dial, p.limits, notify)
		entry.failed = time.Now()
		close(entry.ready)
		log = log.WithValues(logkeys.Duration, time.Since(begun))
		if entry.err != nil {
			log.V(1).Info("Session could not be opened", logkeys.Reason, entry.err.Error())
			cancel()
			return
		}
		log.V(1).Info("Session is open")
		// What happened while there was no session went unseen.
		notify("")
	})
	return entry, nil
}

// Background runs f with a context that ends with the Pool only; of a closed Pool it has ended already.
func (p *Pool) Background(ctx context.Context, f func(ctx context.Context)) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	if p.closed {
		cancel()
		f(ctx)
		return
	}
	p.work.Go(func() {
		defer cancel()
		f(ctx)
	})
	p.work.Go(func() {
		defer cancel()
		select {
		case <-p.stop:
		case <-ctx.Done():
		}
	})
}

// drop forgets an entry unless another has taken its place.
func (p *Pool) drop(name string, entry *poolEntry) {
	p.mutex.Lock()
	if p.entries[name] == entry {
		delete(p.entries, name)
	}
	p.mutex.Unlock()
	entry.close()
}

// hasFailed reports whether the attempt failed at least so long ago.
func (e *poolEntry) hasFailed(ago time.Duration) bool {
	select {
	case <-e.ready:
		return e.err != nil && time.Since(e.failed) >= ago
	default:
		return false
	}
}

// close ends the attempt or the session.
func (e *poolEntry) close() {
	e.cancel()
	<-e.ready
	if e.session != nil {
		e.session.close()
	}
}
