// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package async

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/event"
)

// Options bound the work; zero values are the defaults.
type Options struct {
	// MaxTotal is how many tasks run at a time, 8 by default.
	MaxTotal int
	// MaxPerHost is how many of them work on one host, 2 by default.
	MaxPerHost int
	// KeepResult is how long a result is kept for an owner that does not ask, 10 minutes by default.
	KeepResult time.Duration
	// RetryAfter is how soon a task that failed may be begun anew, 30 seconds by default. It doubles with each failure in a
	// row, up to MaxRetryAfter, 10 minutes by default.
	RetryAfter, MaxRetryAfter time.Duration
	// FinalAfter is RetryAfter for errors that Task.Final calls final, an hour by default.
	FinalAfter time.Duration
	// Clock is the time; nil means the real one.
	Clock clock.PassiveClock
}

// Task is work that an owner waits for.
type Task struct {
	// Key identifies the work; a second task of the same key joins the first.
	Key string
	// Host is where it works.
	Host string
	// Owner is woken when it ends.
	Owner types.NamespacedName
	// Final reports whether another run would end with the same error. Nil means never.
	Final func(err error) bool
	// Run does it. It must return soon after its context ends. report may be called at any time, from any goroutine.
	Run func(ctx context.Context, report func(Progress)) error
}

// Progress is that of a task.
type Progress struct {
	// Stage names what is being done.
	Stage string
	// Done and Total are in bytes, Total -1 when unknown.
	Done, Total int64
}

// Phase is the state of a task.
type Phase string

// Phases.
const (
	Pending   Phase = "Pending"
	Running   Phase = "Running"
	Succeeded Phase = "Succeeded"
	Failed    Phase = "Failed"
)

// State is a snapshot of a task.
type State struct {
	Phase    Phase
	Progress Progress
	// Err is set when the phase is Failed.
	Err error
	// Started and Ended are zero as long as that has not happened.
	Started, Ended time.Time
	// RetryIn is how long a failed task will not be begun anew, regardless of the owner.
	RetryIn time.Duration
}

// Finished reports whether the task has succeeded or failed.
func (s State) Finished() bool { return s.Phase == Succeeded || s.Phase == Failed }

// ErrCancelled is the cause of a task's context when no owner waits for the task any more.
var ErrCancelled = errors.New("no owner waits for the task any more")

// Tasks is a set of tasks. It is a manager.Runnable; tasks are only run while Start runs.
type Tasks struct {
	options Options
	events  chan event.GenericEvent
	// woken has one token when wakes is not empty.
	woken chan struct{}

	mu    sync.Mutex
	tasks map[string]*entry
	queue []*entry
	busy  map[string]int
	wakes map[types.NamespacedName]bool
	// launch runs an entry in a goroutine; nil while Start does not run.
	launch func(*entry)
}

// entry is one run of a task.
type entry struct {
	Task
	state State
	// unread are owners that have not read the result, read those that have.
	unread, read map[types.NamespacedName]bool
	cancel       context.CancelCauseFunc
	// failures is how often the task failed in a row before this run, retry when it may be begun anew.
	failures int
	retry    time.Time
}

// New returns a set without tasks.
func New(o Options) *Tasks {
	o.MaxTotal, o.MaxPerHost = cmp.Or(o.MaxTotal, 8), cmp.Or(o.MaxPerHost, 2)
	o.KeepResult = cmp.Or(o.KeepResult, 10*time.Minute)
	o.RetryAfter, o.MaxRetryAfter = cmp.Or(o.RetryAfter, 30*time.Second), cmp.Or(o.MaxRetryAfter, 10*time.Minute)
	o.FinalAfter = cmp.Or(o.FinalAfter, time.Hour)
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	return &Tasks{
		options: o,
		events:  make(chan event.GenericEvent),
		woken:   make(chan struct{}, 1),
		tasks:   map[string]*entry{},
		busy:    map[string]int{},
		wakes:   map[types.NamespacedName]bool{},
	}
}

// Events wakes owners: the object of an event has the name and namespace of an owner and nothing else.
func (t *Tasks) Events() <-chan event.GenericEvent { return t.events }

// Do joins the task of that key, or begins it, and returns its state. A success is returned to each owner once: asking
// again after that begins the task anew. A failure is returned to every owner until its RetryIn is over, so that owners may
// ask as often as they like.
func (t *Tasks) Do(task Task) State {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire()
	e, ok := t.tasks[task.Key]
	switch {
	case !ok:
		e = t.begin(task)
	case !e.state.Finished():
		e.unread[task.Owner] = true
	case t.stands(e, task.Owner):
		return t.tell(e, task.Owner)
	default:
		before := e
		e = t.begin(task)
		for owner := range before.unread {
			e.unread[owner] = true
		}
		if before.state.Phase == Failed {
			e.failures = before.failures + 1
		}
	}
	t.dispatch()
	return e.state
}

// stands reports whether the result of a finished task is still valid for the owner.
func (t *Tasks) stands(e *entry, owner types.NamespacedName) bool {
	if e.state.Phase == Failed && !e.unread[owner] {
		return t.options.Clock.Now().Before(e.retry)
	}
	return !e.read[owner]
}

// Leave removes the owner from all tasks and cancels those that no other owner waits for. It returns true as long as such a
// task has not returned: the owner is woken when it has.
func (t *Tasks) Leave(owner types.NamespacedName) (running bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.tasks {
		if !e.unread[owner] && !e.read[owner] {
			continue
		}
		if e.state.Phase == Running && len(e.unread) == 1 {
			e.cancel(ErrCancelled)
			running = true
			continue
		}
		delete(e.unread, owner)
		delete(e.read, owner)
		if len(e.unread)+len(e.read) == 0 {
			t.drop(e)
		}
	}
	return running
}

func (t *Tasks) begin(task Task) *entry {
	e := &entry{
		Task:   task,
		state:  State{Phase: Pending},
		unread: map[types.NamespacedName]bool{task.Owner: true},
		read:   map[types.NamespacedName]bool{},
	}
	t.tasks[task.Key] = e
	t.queue = append(t.queue, e)
	return e
}

// tell returns the result. A success is forgotten when all owners have read it; a failure is kept for owners that ask too
// early.
func (t *Tasks) tell(e *entry, owner types.NamespacedName) State {
	delete(e.unread, owner)
	e.read[owner] = true
	if e.state.Phase == Succeeded && len(e.unread) == 0 {
		t.drop(e)
	}
	state := e.state
	state.RetryIn = max(e.retry.Sub(t.options.Clock.Now()), 0)
	return state
}

func (t *Tasks) drop(e *entry) {
	delete(t.tasks, e.Key)
	t.queue = slices.DeleteFunc(t.queue, func(other *entry) bool { return other == e })
}

// expire forgets results that no owner asks for. A failure is kept for KeepResult after its wait, so that the next one is
// known not to be the first in a row.
func (t *Tasks) expire() {
	now := t.options.Clock.Now()
	for key, e := range t.tasks {
		last := e.state.Ended
		if e.retry.After(last) {
			last = e.retry
		}
		if e.state.Finished() && now.Sub(last) >= t.options.KeepResult {
			delete(t.tasks, key)
		}
	}
}

// retryAfter is how long a task that just failed is not begun anew. One that was cancelled may be at once.
func (t *Tasks) retryAfter(e *entry, err error) time.Duration {
	switch {
	case errors.Is(err, ErrCancelled), errors.Is(err, context.Canceled):
		return 0
	case e.Final != nil && e.Final(err):
		return t.options.FinalAfter
	}
	after := t.options.RetryAfter
	for range e.failures {
		if after *= 2; after >= t.options.MaxRetryAfter {
			return t.options.MaxRetryAfter
		}
	}
	return after
}
