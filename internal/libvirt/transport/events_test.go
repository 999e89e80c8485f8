// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

func drain(q *eventQueue) []virt.Event {
	var events []virt.Event
	for {
		event, ok := q.take()
		if !ok {
			return events
		}
		events = append(events, event)
	}
}

func TestEventQueue_joinsWhatTheReceiverHasNotSeen(t *testing.T) {
	q := newEventQueue()
	for _, event := range []virt.Event{{Host: "a", UUID: "1"}, {Host: "a", UUID: "1"}, {Host: "b", UUID: "1"}, {Host: "a", UUID: "2"}} {
		q.put(event)
	}
	want := []virt.Event{{Host: "a", UUID: "1"}, {Host: "b", UUID: "1"}, {Host: "a", UUID: "2"}}
	if diff := cmp.Diff(want, drain(q)); diff != "" {
		t.Error(diff)
	}
	q.put(virt.Event{Host: "a", UUID: "1"})
	if diff := cmp.Diff([]virt.Event{{Host: "a", UUID: "1"}}, drain(q)); diff != "" {
		t.Errorf("an event that was taken is not counted again:\n%s", diff)
	}
}

func TestEventQueue_oneEventStandsForTheWholeHost(t *testing.T) {
	q := newEventQueue()
	q.put(virt.Event{Host: "a", UUID: "1"})
	q.put(virt.Event{Host: "b", UUID: "1"})
	q.put(virt.Event{Host: "a"})
	q.put(virt.Event{Host: "a", UUID: "2"})
	if diff := cmp.Diff([]virt.Event{{Host: "b", UUID: "1"}, {Host: "a"}}, drain(q)); diff != "" {
		t.Error(diff)
	}
}

func TestEventQueue_isBounded(t *testing.T) {
	q := newEventQueue()
	for i := range 10 * maxPending {
		q.put(virt.Event{Host: "a", UUID: fmt.Sprint(i)})
	}
	if diff := cmp.Diff([]virt.Event{{Host: "a"}}, drain(q)); diff != "" {
		t.Error(diff)
	}
	if len(q.waiting) != 0 {
		t.Errorf("queue remembers %v", q.waiting)
	}
}
