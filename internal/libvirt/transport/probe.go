// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"context"
	"sync"
	"time"

	rpc "github.com/digitalocean/go-libvirt"
)

// watch asks for signs of life until the connection ends, and ends it when there is none.
func (s *Session) watch() {
	ticker := time.NewTicker(s.Limits.ProbeInterval)
	defer ticker.Stop()
	defer s.doubt.clear()
	for {
		select {
		case <-s.conn.done:
			return
		case <-ticker.C:
		case <-s.doubt.raised:
		}
		s.probe()
		s.doubt.clear()
	}
}

// probe ends the connection unless libvirtd answers the cheapest call in time.
func (s *Session) probe() {
	deadline := time.AfterFunc(s.Limits.Probe, s.conn.end)
	defer deadline.Stop()
	err := s.run(func(c *rpc.Libvirt) error {
		_, err := c.ConnectGetLibVersion()
		return err
	})
	if err != nil {
		s.conn.end()
	}
}

// alive reports whether the session may be handed out. While it is in doubt the answer waits for the probe.
func (s *Session) alive(ctx context.Context) bool {
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
func (s *Session) close() {
	s.conn.end()
	s.goroutines.Wait()
}

// doubt is raised by a call without an answer and cleared by the next probe.
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

func (d *doubt) clear() {
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
