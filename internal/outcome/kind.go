// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"cmp"
	"regexp"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Kind ranks outcomes by what they require; the highest decides when several are joined. A failure ranks highest, because
// it may go away when retried.
type Kind int

// Kinds, in ascending rank.
const (
	// KindDone requires nothing.
	KindDone Kind = iota
	// KindWait requires patience.
	KindWait
	// KindBlocked requires a person to act.
	KindBlocked
	// KindTerminal requires another spec.
	KindTerminal
	// KindFailed requires a retry.
	KindFailed
)

// KindOf returns the highest kind in a tree of errors.
func KindOf(err error) Kind { return rank(err).kind }

// Pending reports whether err is not a failure but waits, for time or for a person.
func Pending(err error) bool {
	kind := KindOf(err)
	return kind == KindWait || kind == KindBlocked
}

// Resolve turns an error into what controller-runtime expects. Among several Wait and Blocked the shortest After counts.
func Resolve(err error) (ctrl.Result, error) {
	switch all := rank(err); all.kind {
	case KindFailed:
		return ctrl.Result{}, err
	case KindTerminal:
		return ctrl.Result{}, reconcile.TerminalError(err)
	default:
		return ctrl.Result{RequeueAfter: all.after}, nil
	}
}

// Explain returns reason and message of the outcome that decides; fallback is the reason if it has none.
func Explain(err error, fallback string) (reason, message string) {
	all := rank(err)
	switch all.kind {
	case KindDone:
		return fallback, ""
	case KindFailed:
		return fallback, stable(err.Error())
	default:
		return cmp.Or(all.reason, fallback), stable(all.message)
	}
}

// Unknown reports whether nothing could be observed, according to the outcome that decides.
func Unknown(err error) bool { return rank(err).unknown }

// ownPort is the local end of a connection, which differs each time.
var ownPort = regexp.MustCompile(`[0-9A-Fa-f.:\[\]]+:[0-9]+->`)

// stable removes from a message what differs each time, since people and tools watch conditions for changes.
func stable(message string) string { return ownPort.ReplaceAllString(message, "") }

// ranking is the summary of a tree of errors.
type ranking struct {
	kind            Kind
	reason, message string
	unknown         bool
	after           time.Duration
}

func rank(err error) ranking {
	all := ranking{}
	all.add(err)
	return all
}

// add takes the first of the highest kind, and the shortest time of all.
func (all *ranking) add(err error) {
	switch e := err.(type) { //nolint:errorlint // walks the tree itself
	case nil:
	case *Wait:
		all.raise(ranking{kind: KindWait, reason: e.Reason, message: e.Message}, e.After)
	case *Blocked:
		all.raise(ranking{kind: KindBlocked, reason: e.Reason, message: e.Message, unknown: e.Unknown}, e.After)
	case *Terminal:
		all.raise(ranking{kind: KindTerminal, reason: e.Reason, message: e.Err.Error()}, 0)
	case interface{ Unwrap() []error }:
		for _, child := range e.Unwrap() {
			all.add(child)
		}
	case interface{ Unwrap() error }:
		// A wrapped outcome keeps its meaning; a wrapped plain error is a failure.
		if inner := e.Unwrap(); inner != nil {
			all.add(inner)
			return
		}
		all.raise(ranking{kind: KindFailed}, 0)
	default:
		all.raise(ranking{kind: KindFailed}, 0)
	}
}

func (all *ranking) raise(one ranking, after time.Duration) {
	one.after = all.after
	if after > 0 && (one.after == 0 || after < one.after) {
		one.after = after
	}
	if one.kind > all.kind {
		*all = one
		return
	}
	all.after = one.after
}
