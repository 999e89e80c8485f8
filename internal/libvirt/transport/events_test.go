// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"fmt"
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
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
	assert.Equal(t, want, drain(q))
	q.put(virt.Event{Host: "a", UUID: "1"})
	assert.Equal(t, []virt.Event{{Host: "a", UUID: "1"}}, drain(q))
}

func TestEventQueue_oneEventStandsForTheWholeHost(t *testing.T) {
	q := newEventQueue()
	q.put(virt.Event{Host: "a", UUID: "1"})
	q.put(virt.Event{Host: "b", UUID: "1"})
	q.put(virt.Event{Host: "a"})
	q.put(virt.Event{Host: "a", UUID: "2"})
	assert.Equal(t, []virt.Event{{Host: "b", UUID: "1"}, {Host: "a"}}, drain(q))
}

func TestEventQueue_isBounded(t *testing.T) {
	q := newEventQueue()
	for i := range 10 * maxPending {
		q.put(virt.Event{Host: "a", UUID: fmt.Sprint(i)})
	}
	assert.Equal(t, []virt.Event{{Host: "a"}}, drain(q))
	if len(q.waiting) != 0 {
		t.Errorf("queue remembers %v", q.waiting)
	}
}
