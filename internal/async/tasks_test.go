// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package async_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/altcos/cluster-api-provider-altcos/internal/async"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errTask = errors.New("task failed")

func owner(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: "ns", Name: name}
}

// start runs tasks until the test ends.
func start(t *testing.T, o async.Options) *async.Tasks {
	t.Helper()
	tasks := async.New(o)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- tasks.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return tasks
}

func wake(t *testing.T, tasks *async.Tasks) types.NamespacedName {
	t.Helper()
	select {
	case e := <-tasks.Events():
		return types.NamespacedName{Namespace: e.Object.GetNamespace(), Name: e.Object.GetName()}
	case <-time.After(10 * time.Second):
		t.Fatal("no owner is woken")
		return types.NamespacedName{}
	}
}

// gated is a task that ends when the gate is closed or its context ends.
func gated(key, name string, gate <-chan struct{}, runs *atomic.Int32, result error) async.Task {
	return async.Task{Key: key, Host: "h1", Owner: owner(name), Run: func(ctx context.Context, _ func(async.Progress)) error {
		runs.Add(1)
		select {
		case <-gate:
			return result
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}}
}

func TestTasks_fitControllerRuntime(*testing.T) {
	_ = source.Channel(async.New(async.Options{}).Events(), &handler.EnqueueRequestForObject{})
}

func TestDo_tellsEachOwnerOnce(t *testing.T) {
	now := clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0))
	tasks := start(t, async.Options{Clock: now, RetryAfter: time.Minute})
	gate := make(chan struct{})
	var runs atomic.Int32
	for _, name := range []string{"a", "b", "a"} {
		if s := tasks.Do(gated("k", name, gate, &runs, errTask)); s.Finished() {
			t.Fatalf("state is %+v", s)
		}
	}
	close(gate)
	woken := map[string]bool{wake(t, tasks).Name: true, wake(t, tasks).Name: true}
	assert.Equal(t, map[string]bool{"a": true, "b": true}, woken)
	s := tasks.Do(gated("k", "a", gate, &runs, nil))
	if s.Phase != async.Failed || !errors.Is(s.Err, errTask) || s.Ended.IsZero() || runs.Load() != 1 {
		t.Errorf("state is %+v after %d runs", s, runs.Load())
	}
	now.SetTime(now.Now().Add(time.Minute))
	if s := tasks.Do(gated("k", "a", gate, &runs, nil)); s.Finished() {
		t.Errorf("second question gives %+v, want a new run", s)
	}
	woken = map[string]bool{wake(t, tasks).Name: true, wake(t, tasks).Name: true}
	if len(woken) != 2 {
		t.Errorf("new run wakes %v, want also the owner that has not read the old result", woken)
	}
	for _, name := range []string{"a", "b"} {
		if s := tasks.Do(gated("k", name, gate, &runs, nil)); s.Phase != async.Succeeded || s.Err != nil {
			t.Errorf("%s reads %+v", name, s)
		}
	}
	if tasks.Len() != 0 || runs.Load() != 2 {
		t.Errorf("task is kept although all have read its result, %d runs", runs.Load())
	}
}

func TestDo_aFailureStandsForAWhile(t *testing.T) {
	now := clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0))
	tasks := start(t, async.Options{Clock: now, RetryAfter: time.Minute, MaxRetryAfter: 3 * time.Minute, FinalAfter: time.Hour})
	gate := make(chan struct{})
	close(gate)
	var runs atomic.Int32
	ask := func(name string) async.State { return tasks.Do(gated("k", name, gate, &runs, errTask)) }
	for i, wait := range []time.Duration{time.Minute, 2 * time.Minute, 3 * time.Minute, 3 * time.Minute} {
		if s := ask("a"); s.Finished() {
			t.Fatalf("run %d: state is %+v", i, s)
		}
		wake(t, tasks)
		for _, name := range []string{"a", "a", "b", "b"} { // also an owner that asks for the first time
			if s := ask(name); !errors.Is(s.Err, errTask) || s.RetryIn != wait {
				t.Errorf("run %d: %s gets %+v", i, name, s)
			}
		}
		now.SetTime(now.Now().Add(wait - time.Second))
		if s := ask("a"); s.RetryIn != time.Second || int(runs.Load()) != i+1 {
			t.Errorf("run %d: state is %+v after %d runs", i, s, runs.Load())
		}
		now.SetTime(now.Now().Add(time.Second))
	}
	hopeless := gated("final", "a", gate, &runs, errTask)
	hopeless.Final = func(err error) bool { return errors.Is(err, errTask) }
	tasks.Do(hopeless)
	wake(t, tasks)
	if s := tasks.Do(hopeless); s.RetryIn != time.Hour {
		t.Errorf("state is %+v", s)
	}
	if tasks.Leave(owner("a")) {
		t.Error("a waits for a task that has ended")
	}
	if s := tasks.Do(hopeless); s.Finished() {
		t.Error("a failure is kept although its last owner left")
	}
}

func TestDo_isBounded(t *testing.T) {
	tasks := start(t, async.Options{MaxTotal: 3, MaxPerHost: 2})
	var running, highest atomic.Int32
	perHost := map[string]*atomic.Int32{"h1": {}, "h2": {}}
	const count = 20
	for i := range count {
		host := fmt.Sprint("h", i%2+1)
		tasks.Do(async.Task{Key: fmt.Sprint(i), Host: host, Owner: owner(fmt.Sprint(i)), Run: func(context.Context, func(async.Progress)) error {
			highest.Store(max(highest.Load(), running.Add(1)))
			if perHost[host].Add(1) > 2 {
				t.Error("too many tasks on one host")
			}
			time.Sleep(time.Millisecond)
			perHost[host].Add(-1)
			running.Add(-1)
			return nil
		}})
	}
	for range count {
		wake(t, tasks)
	}
	if highest.Load() > 3 {
		t.Errorf("%d tasks ran at a time", highest.Load())
	}
}

func TestDo_aBusyHostDoesNotHoldUpOthers(t *testing.T) {
	tasks := start(t, async.Options{MaxPerHost: 1})
	gate := make(chan struct{})
	var runs atomic.Int32
	tasks.Do(gated("1", "a", gate, &runs, nil))
	tasks.Do(gated("2", "b", gate, &runs, nil))
	other := gated("3", "c", nil, &runs, nil)
	other.Host, other.Run = "h2", func(context.Context, func(async.Progress)) error { return nil }
	tasks.Do(other)
	if got := wake(t, tasks); got != owner("c") {
		t.Errorf("%s is woken", got)
	}
	if s := tasks.Do(gated("2", "b", gate, &runs, nil)); s.Phase != async.Pending {
		t.Errorf("state is %+v", s)
	}
	close(gate)
}

func TestDo_reportsProgressAndSurvivesPanics(t *testing.T) {
	tasks := start(t, async.Options{})
	reported, gate := make(chan struct{}), make(chan struct{})
	task := async.Task{Key: "k", Owner: owner("a"), Run: func(_ context.Context, report func(async.Progress)) error {
		report(async.Progress{Stage: "Upload", Done: 1, Total: 2})
		close(reported)
		<-gate
		panic("boom")
	}}
	tasks.Do(task)
	<-reported
	if s := tasks.Do(task); s.Phase != async.Running || s.Progress != (async.Progress{Stage: "Upload", Done: 1, Total: 2}) {
		t.Errorf("state is %+v", s)
	}
	close(gate)
	wake(t, tasks)
	if s := tasks.Do(task); s.Phase != async.Failed || s.Err == nil {
		t.Errorf("state is %+v", s)
	}
}

func TestLeave_cancelsWhatNobodyElseWants(t *testing.T) {
	tasks := start(t, async.Options{MaxPerHost: 1})
	var runs atomic.Int32
	tasks.Do(gated("k", "a", nil, &runs, nil))
	tasks.Do(gated("k", "b", nil, &runs, nil))
	tasks.Do(gated("pending", "b", nil, &runs, nil))
	for runs.Load() == 0 { // Leave treats a task that has not begun otherwise
		time.Sleep(time.Millisecond)
	}
	if tasks.Leave(owner("a")) {
		t.Error("a waits for a task of b")
	}
	if !tasks.Leave(owner("b")) {
		t.Error("b does not wait for its own task")
	}
	if tasks.Len() != 1 {
		t.Error("a pending task without owners is kept")
	}
	if got := wake(t, tasks); got != owner("b") {
		t.Errorf("%s is woken", got)
	}
	if s := tasks.Do(gated("k", "b", nil, &runs, nil)); !errors.Is(s.Err, async.ErrCancelled) {
		t.Errorf("state is %+v", s)
	}
	if tasks.Leave(owner("b")) {
		t.Error("b waits for a task that has ended")
	}
	if tasks.Len() != 0 {
		t.Error("the result is kept")
	}
}

func TestResults_expire(t *testing.T) {
	now := clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0))
	tasks := start(t, async.Options{Clock: now, KeepResult: time.Minute})
	ask := func(name string) async.State {
		return tasks.Do(async.Task{Key: "k", Owner: owner(name), Run: func(context.Context, func(async.Progress)) error { return nil }})
	}
	ask("a")
	wake(t, tasks)
	now.SetTime(now.Now().Add(59 * time.Second))
	if s := ask("b"); s.Phase != async.Succeeded {
		t.Errorf("result expired too early: %+v", s)
	}
	now.SetTime(now.Now().Add(time.Second))
	if s := ask("a"); s.Finished() {
		t.Errorf("result did not expire: %+v", s)
	}
}

func TestStart_endsTasksAndIsNotHeldByASlowReceiver(t *testing.T) {
	tasks := async.New(async.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	var runs atomic.Int32
	tasks.Do(gated("before", "a", nil, &runs, nil)) // waits for Start
	go func() { ended <- tasks.Start(ctx) }()
	for i := range 50 { // no receiver of Events
		tasks.Do(async.Task{Key: fmt.Sprint(i), Owner: owner(fmt.Sprint(i)), Run: func(context.Context, func(async.Progress)) error { return nil }})
	}
	for runs.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if s := tasks.Do(gated("before", "a", nil, &runs, nil)); s.Phase != async.Failed || !errors.Is(s.Err, context.Canceled) {
		t.Errorf("state is %+v", s)
	}
	if s := tasks.Do(gated("after", "a", nil, &runs, nil)); s.Phase != async.Pending {
		t.Errorf("a task of a stopped set is %s", s.Phase)
	}
}
