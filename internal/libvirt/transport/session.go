// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"context"
	"fmt"
	"sync"
	"time"

	rpc "github.com/digitalocean/go-libvirt"
	"github.com/google/uuid"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// maxCalls is how many calls run at a time on one connection. libvirtd works on five of a connection
// (max_client_requests); the fifth is the probe's, which must not wait behind four slow calls.
const maxCalls = 4

// Session is the connection that answers the calls about one host. It is never revived: a host that comes back gets a
// new session.
type Session struct {
	*connection
	// dial opens further connections to the same libvirtd, for what would block this one.
	dial   dialer
	Limits Limits
	slots  chan struct{}
	doubt  doubt
	// goroutines are the ones that end with the connection.
	goroutines sync.WaitGroup
	// Memo is for what callers learn about the host and need not ask again while the connection lasts.
	Memo sync.Map
}

// openSession connects, subscribes to events and starts the probe. notify is called with the UUID of every domain that
// changed, and with "" when the session has ended.
func openSession(ctx context.Context, dial dialer, limits Limits, notify func(uuid string)) (*Session, error) {
	dialing, cancel := context.WithTimeout(ctx, limits.Dial)
	defer cancel()
	established, err := connect(dialing, dial, limits.Stall)
	if err != nil {
		return nil, err
	}
	s := &Session{
		connection: established,
		dial:       dial,
		Limits:     limits,
		slots:      make(chan struct{}, maxCalls),
		doubt:      doubt{raised: make(chan struct{}, 1)},
	}
	// The subscription ends with the connection, not with the caller's context: ending it earlier would cost a call.
	lasting := context.WithoutCancel(ctx)
	events, err := Call(dialing, s, func(c *rpc.Libvirt) (<-chan rpc.DomainEventLifecycleMsg, error) {
		return c.LifecycleEvents(lasting)
	})
	if err != nil {
		s.conn.end()
		return nil, fmt.Errorf("subscribe to events: %w", err)
	}
	s.goroutines.Go(func() { s.relay(events, notify) })
	s.goroutines.Go(func() {
		s.watch()
		notify("")
	})
	return s, nil
}

// Done is closed when the session has ended: the host has to be connected to again.
func (s *Session) Done() <-chan struct{} { return s.conn.done }

// relay passes events on until the connection ends.
func (s *Session) relay(events <-chan rpc.DomainEventLifecycleMsg, notify func(uuid string)) {
	for {
		select {
		case event, ok := <-events:
			if !ok {
				return
			}
			notify(uuid.UUID(event.Dom.UUID).String())
		case <-s.conn.done:
			s.drain(events)
			return
		}
	}
}

// drain takes what the library still hands out, so that its goroutine can end.
func (s *Session) drain(events <-chan rpc.DomainEventLifecycleMsg) {
	timer := time.NewTimer(libraryGrace)
	defer timer.Stop()
	for {
		select {
		case _, ok := <-events:
			if !ok {
				return
			}
		case <-timer.C:
			return
		}
	}
}

// Call runs one RPC within Limits.Call.
func Call[T any](ctx context.Context, s *Session, f func(*rpc.Libvirt) (T, error)) (T, error) {
	return CallFor(ctx, s, s.Limits.Call, f)
}

// Do runs one RPC without a result.
func (s *Session) Do(ctx context.Context, limit time.Duration, f func(*rpc.Libvirt) error) error {
	_, err := CallFor(ctx, s, limit, func(c *rpc.Libvirt) (struct{}, error) { return struct{}{}, f(c) })
	return err
}

// CallFor runs one RPC. When the context ends before the answer comes, the caller leaves and the host is in doubt: the
// probe decides whether the connection is closed, so that one impatient caller does not end everybody's calls. A call
// that was left and still has no answer when twice its time is over ends the connection all the same.
func CallFor[T any](ctx context.Context, s *Session, limit time.Duration, f func(*rpc.Libvirt) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var zero T
	select {
	case s.slots <- struct{}{}:
	case <-s.conn.done:
		return zero, fmt.Errorf("%w: connection is lost", virt.ErrUnreachable)
	case <-ctx.Done():
		s.doubt.raise()
		return zero, fmt.Errorf("await free call: %w: %w", virt.ErrUnreachable, context.Cause(ctx))
	}
	type answer struct {
		value T
		err   error
	}
	answered := make(chan answer, 1)
	overdue := time.AfterFunc(2*limit, s.conn.end)
	go func() {
		value, err := f(s.client)
		overdue.Stop()
		<-s.slots
		answered <- answer{value, err}
	}()
	select {
	case a := <-answered:
		return a.value, Classify(a.err)
	case <-ctx.Done():
		s.doubt.raise()
		return zero, fmt.Errorf("await answer: %w: %w", virt.ErrUnreachable, context.Cause(ctx))
	}
}
