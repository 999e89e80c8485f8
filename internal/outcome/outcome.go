// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"errors"
	"fmt"
	"time"
)

// Wait reports that nothing is wrong and nothing can be done until After passes or a watch fires.
type Wait struct {
	// Reason is CamelCase, for a condition.
	Reason string
	// Message is for people.
	Message string
	// After is when to look again; 0 leaves it to watches alone.
	After time.Duration
}

// Error implements error.
func (w *Wait) Error() string { return "waiting: " + w.Message }

// Waitf returns a Wait with a formatted message.
func Waitf(reason string, after time.Duration, format string, args ...any) error {
	return &Wait{Reason: reason, Message: fmt.Sprintf(format, args...), After: after}
}

// Blocked reports that a person must act first. Like a Wait it is checked again, since what they fix may not be watched.
type Blocked struct {
	// Reason is CamelCase, for a condition.
	Reason string
	// Message says what is wrong and what to do about it.
	Message string
	// After is when to look again; 0 leaves it to watches alone.
	After time.Duration
	// Unknown reports that the outside could not be observed: "cannot reach" is not "does not exist".
	Unknown bool
}

// Error implements error.
func (b *Blocked) Error() string { return "blocked: " + b.Message }

// Blockedf returns a Blocked with a formatted message.
func Blockedf(reason string, after time.Duration, format string, args ...any) error {
	return &Blocked{Reason: reason, Message: fmt.Sprintf(format, args...), After: after}
}

// Terminal reports that only a change of the spec can help; it is not retried.
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

// AsBlocked returns the Blocked in err's chain.
func AsBlocked(err error) (*Blocked, bool) { return errors.AsType[*Blocked](err) }

// AsTerminal returns the Terminal in err's chain.
func AsTerminal(err error) (*Terminal, bool) { return errors.AsType[*Terminal](err) }

// NotBefore lets a Wait or a Blocked last at least that long; any other error stays as it is.
func NotBefore(err error, after time.Duration) error {
	switch e := err.(type) { //nolint:errorlint // a wrapped one is left to whoever wrapped it
	case *Wait:
		return &Wait{Reason: e.Reason, Message: e.Message, After: max(e.After, after)}
	case *Blocked:
		return &Blocked{Reason: e.Reason, Message: e.Message, After: max(e.After, after), Unknown: e.Unknown}
	}
	return err
}

// WithReason gives a Wait or a Blocked another reason; any other error stays as it is.
func WithReason(err error, reason string) error {
	switch e := err.(type) { //nolint:errorlint // as in NotBefore
	case *Wait:
		return &Wait{Reason: reason, Message: e.Message, After: e.After}
	case *Blocked:
		return &Blocked{Reason: reason, Message: e.Message, After: e.After, Unknown: e.Unknown}
	}
	return err
}
