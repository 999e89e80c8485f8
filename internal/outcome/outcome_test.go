// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package outcome_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
)

func TestResolve(t *testing.T) {
	wait := outcome.Waitf("Later", 10*time.Second, "for %s", "it")
	longer := outcome.Waitf("Later", time.Minute, "for that")
	watch := outcome.Waitf("Watch", 0, "for an event")
	terminal := outcome.Terminalf("Bad", "spec is wrong: %w", io.EOF)
	failure := errors.New("broken")
	for _, c := range []struct {
		name          string
		err           error
		after         time.Duration
		retried, last bool
	}{
		{"success asks for nothing", nil, 0, false, false},
		{"a wait comes back after its time", wait, 10 * time.Second, false, false},
		{"a wait for a watch does not come back", watch, 0, false, false},
		{"a wrapped wait is a wait", fmt.Errorf("place: %w", wait), 10 * time.Second, false, false},
		{"the shortest wait counts", errors.Join(longer, watch, wait), 10 * time.Second, false, false},
		{"a terminal error is not retried", terminal, 0, false, true},
		{"a wrapped terminal error is terminal", fmt.Errorf("render: %w", terminal), 0, false, true},
		{"terminal wins over wait", errors.Join(wait, terminal), 0, false, true},
		{"a failure is retried", failure, 0, true, false},
		{"a wrapped failure is retried", fmt.Errorf("place: %w", failure), 0, true, false},
		{"a failure wins over terminal", errors.Join(terminal, failure), 0, true, false},
		{"a failure wins over wait", fmt.Errorf("all: %w", errors.Join(wait, failure)), 0, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			result, err := outcome.Resolve(c.err)
			if want := (ctrl.Result{RequeueAfter: c.after}); result != want {
				t.Errorf("result is %+v, want %+v", result, want)
			}
			if (err != nil) != (c.retried || c.last) || errors.Is(err, reconcile.TerminalError(nil)) != c.last {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestAs_findsOutcomesInChains(t *testing.T) {
	if w, ok := outcome.AsWait(fmt.Errorf("x: %w", outcome.Waitf("R", 0, "m"))); !ok || w.Reason != "R" || w.Message != "m" {
		t.Errorf("wait is %+v, %t", w, ok)
	}
	x, ok := outcome.AsTerminal(fmt.Errorf("x: %w", outcome.Terminalf("R", "m: %w", io.EOF)))
	if !ok || x.Reason != "R" || !errors.Is(x, io.EOF) {
		t.Errorf("terminal is %+v, %t", x, ok)
	}
	if _, ok := outcome.AsWait(nil); ok {
		t.Error("nil is a wait")
	}
	if _, ok := outcome.AsTerminal(io.EOF); ok {
		t.Error("a failure is terminal")
	}
}
