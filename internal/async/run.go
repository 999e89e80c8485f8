// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package async

import (
	"context"
	"fmt"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/altcos/cluster-api-provider-altcos/internal/logkeys"
)

// dispatch launches the tasks that may run, oldest first; a task whose host is busy does not delay the others.
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
	log := ctrl.LoggerFrom(ctx).WithValues(logkeys.Task, e.Key, logkeys.Host, e.Host, "owner", e.Owner)
	log.V(2).Info("Beginning task")
	began := t.options.Clock.Now()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("task panicked: %v", r)
		}
		log.V(2).Info("Task ended", logkeys.Duration, t.options.Clock.Since(began), "error", err)
	}()
	return e.Run(ctrl.LoggerInto(ctx, log), func(p Progress) {
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
		e.state.Phase, e.retry = Failed, e.state.Ended.Add(t.retryAfter(e, err))
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

// deliver sends one event per owner to wake; they are kept in a set, not a queue, which is bounded.
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
