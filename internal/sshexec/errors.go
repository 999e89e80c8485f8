// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package sshexec

import (
	"errors"
	"fmt"
)

var (
	// ErrUnreachable means that the host did not answer or that its connection broke; try again later.
	ErrUnreachable = errors.New("host is unreachable")
	// ErrHostKeyMismatch means that the host showed a key that is not pinned; only a person can tell why.
	ErrHostKeyMismatch = errors.New("host key is not one of the pinned keys")
	// ErrAuthentication means that the host refused the user or the private key.
	ErrAuthentication = errors.New("host refused the credentials")
	// ErrInvalidTarget means that the target itself is unusable: no pinned key, a broken private key, a bad address.
	ErrInvalidTarget = errors.New("invalid SSH target")
	// ErrClosed means that the connection or the pool was closed by its owner.
	ErrClosed = errors.New("connection is closed")
	// ErrOutputTooLarge means that a script wrote more than a connection keeps.
	ErrOutputTooLarge = errors.New("output exceeds the limit")
)

// ExitError means that a script ran and ended with a status other than zero.
type ExitError struct {
	// Code is the exit status, or 128 plus nothing known when the script died of a signal (then Signal is set).
	Code int
	// Signal is the name of the signal that ended the script, without the prefix SIG.
	Signal string
	// Stderr is the end of what the script wrote to its standard error, bounded and trimmed.
	Stderr string
}

// Error implements error.
func (e *ExitError) Error() string {
	how := fmt.Sprintf("exit status %d", e.Code)
	if e.Signal != "" {
		how = "ended by signal " + e.Signal
	}
	if e.Stderr == "" {
		return how
	}
	return how + ": " + e.Stderr
}
