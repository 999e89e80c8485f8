// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package outcome says how a reconciliation ended: done (nil), waiting, hopeless until the spec changes, or failed for
// now (any other error). Phases return one of these; conditions and the controller's result both come from it.
package outcome

import (
	"errors"
	"fmt"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Wait says that nothing is wrong and nothing can be done until After passes or a watch fires.
type Wait struct {
	// Reason is CamelCase, for a condition.
	Reason string
	// Message is for people.
	Message string
	// After is when to look again; 0 leaves it to watches alone.
	After time.Duration
}

// Error implements error.
func (w *Wait) Error() string { return fmt.Sprintf("waiting: %s", w.Message) }

// Waitf returns a Wait with a formatted message.
func Waitf(reason string, after time.Duration, format string, args ...any) error {
	return &Wait{Reason: reason, Message: fmt.Sprintf(format, args...), After: after}
}

// Terminal says that only a change of the spec can help; it is not retried.
type Terminal struct {
	// Reason is CamelCase, for a condition.
	Reason string
	Err    error
}

// Error implements error.
func (t *Terminal) Error() string { return t.Err.Error() }

// Unwrap returns the cause.
func (t *Terminal) Unwrap() error { return t.Err }

// Terminalf returns a Terminal whose cause is formatted as by fmt.Errorf.
func Terminalf(reason, format string, args ...any) error {
	return &Terminal{Reason: reason, Err: fmt.Errorf(format, args...)}
}

// AsWait returns the Wait in err's chain.
func AsWait(err error) (*Wait, bool) {
	w := (*Wait)(nil)
	ok := errors.As(err, &w)
	return w, ok
}

// AsTerminal returns the Terminal in err's chain.
func AsTerminal(err error) (*Terminal, bool) {
	t := (*Terminal)(nil)
	ok := errors.As(err, &t)
	return t, ok
}

// Resolve turns an error into what controller-runtime expects. In joined errors a failure wins over a Terminal, because
// it may pass, and both win over a Wait; of several Waits the shortest counts. Any failure is retried with back-off.
func Resolve(err error) (ctrl.Result, error) {
	if err == nil {
		return ctrl.Result{}, nil
	}
	c := &census{}
	c.count(err)
	switch {
	case c.failed:
		return ctrl.Result{}, err
	case c.terminal:
		return ctrl.Result{}, reconcile.TerminalError(err)
	}
	return ctrl.Result{RequeueAfter: c.after}, nil
}

// census counts the outcomes in a tree of errors.
type census struct {
	failed, terminal bool
	after            time.Duration
}

func (c *census) count(err error) {
	switch e := err.(type) { //nolint:errorlint // walks the tree itself
	case *Wait:
		if e.After > 0 && (c.after == 0 || e.After < c.after) {
			c.after = e.After
		}
	case *Terminal:
		c.terminal = true
	case interface{ Unwrap() []error }:
		for _, child := range e.Unwrap() {
			c.count(child)
		}
	case interface{ Unwrap() error }:
		// A wrapped outcome keeps its meaning; a wrapped plain error is a failure.
		if inner := e.Unwrap(); inner != nil {
			c.count(inner)
			return
		}
		c.failed = true
	default:
		c.failed = true
	}
}
