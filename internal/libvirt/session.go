// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirt

import (
	"context"
	"fmt"
	"sync"
	"time"

	rpc "github.com/digitalocean/go-libvirt"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// maxCalls is how many calls run at a time on one connection. libvirtd works on five of a connection
// (max_client_requests); the fifth is the probe's, which must not wait behind four slow calls.
const maxCalls = 4

// session is the connection that answers the calls about one host. It is never revived: a host that comes back gets a
// new session.
type session struct {
	*connection
	// dial opens further connections to the same libvirtd, for what would block this one.
	dial   dialer
	limits Limits
	slots  chan struct{}
	doubt  doubt
	// goroutines are the ones that end with the connection.
	goroutines sync.WaitGroup
	platforms  platforms
}

// Limits are the patience of a Pool. A zero field takes the default.
type Limits struct {
	// Dial bounds the way to an open hypervisor (default 20 s).
	Dial time.Duration
	// Remember is how long a failed way answers whoever asks next (default 5 s).
	Remember time.Duration
	// Call bounds a call that libvirtd answers by itself (default 30 s).
	Call time.Duration
	// SlowCall bounds a call that waits for QEMU (default 2 min).
	SlowCall time.Duration
	// ProbeInterval and Probe say how often a quiet connection is asked for a sign of life, and how long it may take to
	// give one (default 10 s and 5 s).
	ProbeInterval, Probe time.Duration
	// Stall is how long the host may take nothing of what is written to it (default 30 s).
	Stall time.Duration
	// Cleanup bounds the removal of what a failed transfer has left (default 15 s).
	Cleanup time.Duration
}

func (l Limits) withDefaults() Limits {
	for field, value := range map[*time.Duration]time.Duration{
		&l.Dial: 20 * time.Second, &l.Remember: 5 * time.Second, &l.Call: 30 * time.Second, &l.SlowCall: 2 * time.Minute,
		&l.ProbeInterval: 10 * time.Second, &l.Probe: 5 * time.Second,
		&l.Stall: 30 * time.Second, &l.Cleanup: 15 * time.Second,
	} {
		if *field <= 0 {
			*field = value
		}
	}
	return l
}

// openSession connects, subscribes to events and starts the probe. notify is called with the UUID of every domain that
// changed, and with "" when the session has ended.
func openSession(ctx context.Context, dial dialer, limits Limits, notify func(uuid string)) (*session, error) {
	dialing, cancel := context.WithTimeout(ctx, limits.Dial)
	defer cancel()
	established, err := connect(dialing, dial, limits.Stall)
	if err != nil {
		return nil, err
	}
	s := &session{
		connection: established,
		dial:       dial,
		limits:     limits,
		slots:      make(chan struct{}, maxCalls),
		doubt:      doubt{raised: make(chan struct{}, 1)},
		platforms:  platforms{known: map[virt.Accelerator]platform{}},
	}
	// The subscription ends with the connection, not with the caller's context: ending it earlier would cost a call.
	lasting := context.WithoutCancel(ctx)
	events, err := call(dialing, s, func(c *rpc.Libvirt) (<-chan rpc.DomainEventLifecycleMsg, error) {
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

// relay passes events on until the connection ends.
func (s *session) relay(events <-chan rpc.DomainEventLifecycleMsg, notify func(uuid string)) {
	for {
		select {
		case event, ok := <-events:
			if !ok {
				return
			}
			notify(formatUUID(event.Dom.UUID))
		case <-s.conn.done:
			s.drain(events)
			return
		}
	}
}

// drain takes what the library still hands out, so that its goroutine can end.
func (s *session) drain(events <-chan rpc.DomainEventLifecycleMsg) {
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

// call runs one RPC within Limits.Call.
func call[T any](ctx context.Context, s *session, f func(*rpc.Libvirt) (T, error)) (T, error) {
	return callFor(ctx, s, s.limits.Call, f)
}

// do is call for an RPC without a result.
func do(ctx context.Context, s *session, limit time.Duration, f func(*rpc.Libvirt) error) error {
	_, err := callFor(ctx, s, limit, func(c *rpc.Libvirt) (struct{}, error) { return struct{}{}, f(c) })
	return err
}

// callFor runs one RPC. When the context ends before the answer comes, the caller leaves and the host is in doubt: the
// probe decides whether the connection is closed, so that one impatient caller does not end everybody's calls. A call
// that was left and still has no answer when twice its time is over ends the connection all the same.
func callFor[T any](ctx context.Context, s *session, limit time.Duration, f func(*rpc.Libvirt) (T, error)) (T, error) {
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
		return a.value, classify(a.err)
	case <-ctx.Done():
		s.doubt.raise()
		return zero, fmt.Errorf("await answer: %w: %w", virt.ErrUnreachable, context.Cause(ctx))
	}
}

// watch asks for signs of life until the connection ends, and ends it when there is none.
func (s *session) watch() {
	ticker := time.NewTicker(s.limits.ProbeInterval)
	defer ticker.Stop()
	defer s.doubt.settle()
	for {
		select {
		case <-s.conn.done:
			return
		case <-ticker.C:
		case <-s.doubt.raised:
		}
		s.probe()
		s.doubt.settle()
	}
}

// probe ends the connection unless libvirtd answers the cheapest call in time.
func (s *session) probe() {
	deadline := time.AfterFunc(s.limits.Probe, s.conn.end)
	defer deadline.Stop()
	err := s.run(func(c *rpc.Libvirt) error {
		_, err := c.ConnectGetLibVersion()
		return err
	})
	if err != nil {
		s.conn.end()
	}
}

// alive says whether the session may be handed out. While it is in doubt the answer waits for the probe.
func (s *session) alive(ctx context.Context) bool {
	if verdict := s.doubt.pending(); verdict != nil {
		select {
		case <-verdict:
		case <-ctx.Done():
			return false
		}
	}
	select {
	case <-s.conn.done:
		return false
	default:
		return true
	}
}

// close ends the connection and waits for what runs on it.
func (s *session) close() {
	s.conn.end()
	s.goroutines.Wait()
}

// doubt is raised by a call without an answer and settled by the next probe.
type doubt struct {
	mutex   sync.Mutex
	verdict chan struct{}
	raised  chan struct{}
}

func (d *doubt) raise() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.verdict == nil {
		d.verdict = make(chan struct{})
	}
	select {
	case d.raised <- struct{}{}:
	default:
	}
}

func (d *doubt) settle() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.verdict != nil {
		close(d.verdict)
		d.verdict = nil
	}
}

// pending is nil when nothing is in doubt, and otherwise closed when it no longer is.
func (d *doubt) pending() <-chan struct{} {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.verdict == nil {
		return nil
	}
	return d.verdict
}
