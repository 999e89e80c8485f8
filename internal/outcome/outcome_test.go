// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package outcome_test

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
)

func TestResolve(t *testing.T) {
	wait := outcome.Waitf("Later", 10*time.Second, "for %s", "it")
	longer := outcome.Waitf("Later", time.Minute, "for that")
	watch := outcome.Waitf("Watch", 0, "for an event")
	blocked := outcome.Blockedf("Mend", 20*time.Second, "mend %s", "it")
	terminal := outcome.Terminalf("Bad", "spec is wrong: %w", io.EOF)
	failure := errors.New("broken")
	for _, c := range []struct {
		name  string
		err   error
		after time.Duration
		kind  outcome.Kind
	}{
		{"success asks for nothing", nil, 0, outcome.KindDone},
		{"a wait comes back after its time", wait, 10 * time.Second, outcome.KindWait},
		{"a wait for a watch does not come back", watch, 0, outcome.KindWait},
		{"a wrapped wait is a wait", fmt.Errorf("place: %w", wait), 10 * time.Second, outcome.KindWait},
		{"the shortest wait counts", errors.Join(longer, watch, wait), 10 * time.Second, outcome.KindWait},
		{"what is blocked is looked at again", blocked, 20 * time.Second, outcome.KindBlocked},
		{"blocked wins over wait, and the shortest time counts", errors.Join(wait, blocked, longer), 10 * time.Second, outcome.KindBlocked},
		{"a terminal error is not retried", terminal, 0, outcome.KindTerminal},
		{"a wrapped terminal error is terminal", fmt.Errorf("render: %w", terminal), 0, outcome.KindTerminal},
		{"terminal wins over wait and blocked", errors.Join(wait, terminal, blocked), 0, outcome.KindTerminal},
		{"a failure is retried", failure, 0, outcome.KindFailed},
		{"a wrapped failure is retried", fmt.Errorf("place: %w", failure), 0, outcome.KindFailed},
		{"a failure wins over terminal", errors.Join(terminal, failure), 0, outcome.KindFailed},
		{"a failure wins over wait", fmt.Errorf("all: %w", errors.Join(wait, failure)), 0, outcome.KindFailed},
		{"joined nothing is success", errors.Join(nil, nil), 0, outcome.KindDone},
	} {
		t.Run(c.name, func(t *testing.T) {
			result, err := outcome.Resolve(c.err)
			if want := (ctrl.Result{RequeueAfter: c.after}); result != want {
				t.Errorf("result is %+v, want %+v", result, want)
			}
			if (err != nil) != (c.kind >= outcome.KindTerminal) || errors.Is(err, reconcile.TerminalError(nil)) != (c.kind == outcome.KindTerminal) {
				t.Errorf("error is %v", err)
			}
			if kind := outcome.KindOf(c.err); kind != c.kind {
				t.Errorf("kind is %d, want %d", kind, c.kind)
			}
			if pending := c.kind == outcome.KindWait || c.kind == outcome.KindBlocked; outcome.Pending(c.err) != pending {
				t.Errorf("pending is %t", !pending)
			}
		})
	}
}

func TestExplain_tellsOfTheOutcomeThatDecides(t *testing.T) {
	wait := outcome.Waitf("Later", 0, "for it")
	blocked := outcome.Blockedf("Mend", 0, "mend it")
	for _, c := range []struct {
		name, reason, message string
		err                   error
	}{
		{"success has the fallback", "Other", "", nil},
		{"a wait has its own", "Later", "for it", wait},
		{"one without reason has the fallback", "Other", "for an owner", outcome.Waitf("", 0, "for an owner")},
		{"a blocked wins over a wait", "Mend", "mend it", errors.Join(wait, blocked)},
		{"of equals the first counts", "Later", "for it", errors.Join(wait, outcome.Waitf("Too", 0, "for that"))},
		{"a terminal has its cause", "Bad", "spec: EOF", outcome.Terminalf("Bad", "spec: %w", io.EOF)},
		{"a failure tells all", "Other", "broken: EOF", fmt.Errorf("broken: %w", io.EOF)},
		{"the port of our side of a connection differs each time", "Other", "read tcp 10.0.0.9:22: reset", errors.New("read tcp 10.0.0.1:4711->10.0.0.9:22: reset")},
	} {
		t.Run(c.name, func(t *testing.T) {
			reason, message := outcome.Explain(c.err, "Other")
			if diff := cmp.Diff([]string{c.reason, c.message}, []string{reason, message}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUnknown_isSaidByTheOutcomeThatDecides(t *testing.T) {
	unseen := &outcome.Blocked{Reason: "Unreachable", Unknown: true}
	if !outcome.Unknown(fmt.Errorf("connect: %w", unseen)) || outcome.Unknown(errors.Join(unseen, io.EOF)) || outcome.Unknown(nil) {
		t.Error("unknown is not what the highest outcome says")
	}
}

func TestNotBefore_andWithReason_keepTheRest(t *testing.T) {
	for _, c := range []struct {
		name      string
		err, want error
	}{
		{"a wait", outcome.Waitf("A", time.Second, "w"), outcome.Waitf("B", time.Minute, "w")},
		{"a longer wait", outcome.Waitf("A", time.Hour, "w"), outcome.Waitf("B", time.Hour, "w")},
		{
			"a blocked", &outcome.Blocked{Reason: "A", Message: "b", Unknown: true},
			&outcome.Blocked{Reason: "B", Message: "b", After: time.Minute, Unknown: true},
		},
		{"a failure", io.EOF, io.EOF},
		{"nothing", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := outcome.WithReason(outcome.NotBefore(c.err, time.Minute), "B")
			if !reflect.DeepEqual(c.want, got) {
				t.Errorf("got %#v, want %#v", got, c.want)
			}
		})
	}
}

func TestAs_findsOutcomesInChains(t *testing.T) {
	if b, ok := outcome.AsBlocked(fmt.Errorf("x: %w", outcome.Blockedf("R", 0, "m"))); !ok || b.Reason != "R" || b.Message != "m" {
		t.Errorf("blocked is %+v, %t", b, ok)
	}
	x, ok := outcome.AsTerminal(fmt.Errorf("x: %w", outcome.Terminalf("R", "m: %w", io.EOF)))
	if !ok || x.Reason != "R" || !errors.Is(x, io.EOF) {
		t.Errorf("terminal is %+v, %t", x, ok)
	}
	if _, ok := outcome.AsBlocked(nil); ok {
		t.Error("nil is blocked")
	}
	if _, ok := outcome.AsTerminal(io.EOF); ok {
		t.Error("a failure is terminal")
	}
}
