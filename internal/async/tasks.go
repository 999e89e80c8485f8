// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package async

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	// KeepResult is how long a result waits for an owner who does not ask, 10 minutes by default.
	KeepResult time.Duration
	// Clock is the time; nil means the real one.
	Clock clock.PassiveClock
}

// Task is work that somebody wants done.
type Task struct {
	// Key tells what is done; a second task of the same key joins the first.
	Key string
	// Host is where it works.
	Host string
	// Owner is woken when it ends.
	Owner types.NamespacedName
	// Run does it. It must return soon after its context ends. report may be called at any time, from any goroutine.
	Run func(ctx context.Context, report func(Progress)) error
}

// Progress is how far a task is.
type Progress struct {
	// Stage names what is being done.
	Stage string
	// Done and Total are in bytes, Total -1 when unknown.
	Done, Total int64
}

// Phase is what became of a task.
type Phase string

// Phases.
const (
	Pending   Phase = "Pending"
	Running   Phase = "Running"
	Succeeded Phase = "Succeeded"
	Failed    Phase = "Failed"
)

// State is a copy of what is known of a task.
type State struct {
	Phase    Phase
	Progress Progress
	// Err is set when the phase is Failed.
	Err error
	// Started and Ended are zero as long as that has not happened.
	Started, Ended time.Time
}

// Finished says that the task ended, well or not.
func (s State) Finished() bool { return s.Phase == Succeeded || s.Phase == Failed }

// ErrCancelled is the cause of a task's context when nobody wants the task any more.
var ErrCancelled = errors.New("nobody waits for the task any more")

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
	// unread are owners who have not seen the result, read those who have.
	unread, read map[types.NamespacedName]bool
	cancel       context.CancelCauseFunc
}

// New returns a set without tasks.
func New(o Options) *Tasks {
	if o.MaxTotal == 0 {
		o.MaxTotal = 8
	}
	if o.MaxPerHost == 0 {
		o.MaxPerHost = 2
	}
	if o.KeepResult == 0 {
		o.KeepResult = 10 * time.Minute
	}
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

// Do joins the task of that key, or begins it, and returns its state. A result is told to each owner once: who asks
// again after that begins the task anew.
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
	case !e.read[task.Owner]:
		return t.tell(e, task.Owner)
	default:
		waiting := e.unread
		e = t.begin(task)
		for owner := range waiting {
			e.unread[owner] = true
		}
	}
	t.dispatch()
	return e.state
}

// Status returns the state of a task without joining, beginning or taking anything.
func (t *Tasks) Status(key string) (State, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire()
	e, ok := t.tasks[key]
	if !ok {
		return State{}, false
	}
	return e.state, true
}

// Leave says that the owner wants nothing any more, and cancels what nobody else waits for. It returns true as long as
// such a task has not returned: the owner is woken when it has.
func (t *Tasks) Leave(owner types.NamespacedName) (running bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.tasks {
		if !e.unread[owner] {
			continue
		}
		if e.state.Phase == Running && len(e.unread) == 1 {
			e.cancel(ErrCancelled)
			running = true
			continue
		}
		delete(e.unread, owner)
		if len(e.unread) == 0 {
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

// tell returns the result and forgets the task when all owners know it.
func (t *Tasks) tell(e *entry, owner types.NamespacedName) State {
	delete(e.unread, owner)
	e.read[owner] = true
	if len(e.unread) == 0 {
		t.drop(e)
	}
	return e.state
}

func (t *Tasks) drop(e *entry) {
	delete(t.tasks, e.Key)
	t.queue = slices.DeleteFunc(t.queue, func(other *entry) bool { return other == e })
}

func (t *Tasks) expire() {
	now := t.options.Clock.Now()
	for key, e := range t.tasks {
		if e.state.Finished() && now.Sub(e.state.Ended) >= t.options.KeepResult {
			delete(t.tasks, key)
		}
	}
}

// dispatch launches what may run, oldest first; a task whose host is busy does not hold up the others.
func (t *Tasks) dispatch() {
	if t.launch == nil {
		return
	}
	total := 0
	for _, n := range t.busy {
		total += n
	}
	t.queue = slices.DeleteFunc(t.queue, func(e *entry) bool {
		if total >= t.options.MaxTotal || t.busy[e.Host] >= t.options.MaxPerHost {
			return false
		}
		total++
		t.busy[e.Host]++
		e.state.Phase, e.state.Started = Running, t.options.Clock.Now()
		t.launch(e)
		return true
	})
}

// Start runs tasks and delivers wake-ups until the context ends; then it cancels all tasks and waits for them. It
// implements manager.Runnable.
func (t *Tasks) Start(ctx context.Context) error {
	var running sync.WaitGroup
	t.mu.Lock()
	t.launch = func(e *entry) {
		taskCtx, cancel := context.WithCancelCause(ctx)
		e.cancel = cancel
		running.Go(func() {
			defer cancel(nil)
			t.finish(e, t.perform(taskCtx, e))
		})
	}
	t.dispatch()
	t.mu.Unlock()

	t.deliver(ctx)
	t.mu.Lock()
	t.launch = nil
	t.mu.Unlock()
	running.Wait()
	return nil
}

// perform turns a panic into an error: it would end the whole manager.
func (t *Tasks) perform(ctx context.Context, e *entry) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("task panicked: %v", r)
		}
	}()
	return e.Run(ctx, func(p Progress) {
		t.mu.Lock()
		defer t.mu.Unlock()
		e.state.Progress = p
	})
}

func (t *Tasks) finish(e *entry, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e.state.Phase, e.state.Err, e.state.Ended = Succeeded, err, t.options.Clock.Now()
	if err != nil {
		e.state.Phase = Failed
	}
	if t.busy[e.Host]--; t.busy[e.Host] == 0 {
		delete(t.busy, e.Host)
	}
	for owner := range e.unread {
		t.wakes[owner] = true
	}
	select {
	case t.woken <- struct{}{}:
	default:
	}
	t.dispatch()
}

// deliver sends one event per owner who is to be woken; what waits is a set, not a queue, and so bounded.
func (t *Tasks) deliver(ctx context.Context) {
	for {
		owner, ok := t.nextWake()
		if !ok {
			select {
			case <-t.woken:
				continue
			case <-ctx.Done():
				return
			}
		}
		object := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: owner.Namespace, Name: owner.Name}}
		select {
		case t.events <- event.GenericEvent{Object: object}:
		case <-ctx.Done():
			return
		}
	}
}

func (t *Tasks) nextWake() (types.NamespacedName, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for owner := range t.wakes {
		delete(t.wakes, owner)
		return owner, true
	}
	return types.NamespacedName{}, false
}
