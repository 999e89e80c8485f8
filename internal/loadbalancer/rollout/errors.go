// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"errors"
	"fmt"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
)

var (
	// ErrAddressInUse means that a machine other than our hosts answers for the VIP.
	ErrAddressInUse = errors.New("address is in use by another machine")
	// ErrHostBusy means that another transaction held the host for too long; try again.
	ErrHostBusy = errors.New("host is busy with another change")
	// ErrRejected means that haproxy or keepalived rejected the configuration; retrying the same does not help.
	ErrRejected = errors.New("configuration was rejected by the host")
	// ErrRolledBack means that a change failed on the host and that the state before it was restored.
	ErrRolledBack = errors.New("change failed and was rolled back")
	// ErrNoHolder means that no host holds the VIP although all were configured.
	ErrNoHolder = errors.New("no host holds the address")
)

// StepError is the step at which a host's script stopped.
type StepError struct {
	// Step is the script's word: validate-haproxy, validate-keepalived, reload-haproxy, verify-haproxy and so on.
	Step string
	// Message is the output of the program that failed, at most 4 KiB. It contains times and process IDs, so it is for logs.
	Message string
	kind    error
}

// Error implements error. It is the same each time the step fails, so that it may be part of a condition.
func (e *StepError) Error() string { return fmt.Sprintf("%s: %v", e.Step, e.kind) }

// Unwrap gives the sentinel to errors.Is.
func (e *StepError) Unwrap() error { return e.kind }

// stepKinds are the errors of a script's steps; a step that is not here means ErrRolledBack.
var stepKinds = map[string]error{ //nolint:gochecknoglobals // a table, never changed
	"not-owned":           loadbalancer.ErrNotOwned,
	"in-use":              ErrAddressInUse,
	"busy":                ErrHostBusy,
	"validate-haproxy":    ErrRejected,
	"validate-keepalived": ErrRejected,
}

// didNotComeUp reports whether a valid configuration did not run on a host, so that the configuration may be the cause.
func didNotComeUp(err error) bool {
	step := (*StepError)(nil)
	return errors.As(err, &step) && (strings.HasPrefix(step.Step, "reload-") || strings.HasPrefix(step.Step, "verify-"))
}

// stepError turns the answer of a script into nil or an error.
func stepError(a answer) error {
	if a.step == "done" {
		return nil
	}
	kind, ok := stepKinds[a.step]
	if !ok {
		kind = ErrRolledBack
	}
	return &StepError{Step: a.step, Message: a.message, kind: kind}
}
