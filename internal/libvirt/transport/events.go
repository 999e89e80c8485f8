// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"sync"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// maxPending is how many domains of one host are named in waiting events; beyond it one event without UUID stands for
// all of them.
const maxPending = 256

// eventQueue joins the events of all hosts in one channel. It never blocks those who put events in, and never grows
// beyond maxPending a host, however slow the receiver is.
type eventQueue struct {
	out  chan virt.Event
	wake chan struct{}

	mutex sync.Mutex
	order []virt.Event
	// waiting has the UUIDs of each host that stand in order.
	waiting map[string]map[string]bool
}

func newEventQueue() *eventQueue {
	return &eventQueue{
		out:     make(chan virt.Event),
		wake:    make(chan struct{}, 1),
		waiting: map[string]map[string]bool{},
	}
}

// put adds an event unless an equal or a broader one waits already.
func (q *eventQueue) put(event virt.Event) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	waiting := q.waiting[event.Host]
	if waiting == nil {
		waiting = map[string]bool{}
		q.waiting[event.Host] = waiting
	}
	if waiting[""] || waiting[event.UUID] {
		return
	}
	if event.UUID == "" || len(waiting) >= maxPending {
		event.UUID = ""
		kept := q.order[:0]
		for _, other := range q.order {
			if other.Host != event.Host {
				kept = append(kept, other)
			}
		}
		q.order = kept
		clear(waiting)
	}
	waiting[event.UUID] = true
	q.order = append(q.order, event)
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *eventQueue) take() (virt.Event, bool) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if len(q.order) == 0 {
		return virt.Event{}, false
	}
	event := q.order[0]
	q.order = q.order[1:]
	delete(q.waiting[event.Host], event.UUID)
	if len(q.waiting[event.Host]) == 0 {
		delete(q.waiting, event.Host)
	}
	return event, true
}

// run hands events out until stop is closed, then closes the channel.
func (q *eventQueue) run(stop <-chan struct{}) {
	defer close(q.out)
	for {
		event, ok := q.take()
		if !ok {
			select {
			case <-q.wake:
				continue
			case <-stop:
				return
			}
		}
		select {
		case q.out <- event:
		case <-stop:
			return
		}
	}
}
