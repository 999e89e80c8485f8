// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package phase_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/cluster-api/util/patch"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/phase"
)

func table() phase.Table {
	return phase.Table{
		Rows: []phase.Row{
			{Condition: "First"}, {Condition: "Second", Lasts: true},
			{Condition: "Aside", Optional: true}, {Condition: "Last", AfterReady: "Later"},
		},
		Done: "Fine", Waiting: "Earlier", Failed: "Broken", Deleting: "Going",
	}
}

// world is one object in an API server that may refuse its status.
type world struct {
	t      *testing.T
	client client.Client
	host   *infrav1.LibvirtHost
	told   *events.FakeRecorder
	refuse error
}

func newWorld(t *testing.T, has ...metav1.Condition) *world {
	t.Helper()
	w := &world{t: t, told: events.NewFakeRecorder(10)}
	scheme := runtime.NewScheme()
	if err := infrav1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	host := &infrav1.LibvirtHost{ObjectMeta: metav1.ObjectMeta{Name: "h", Generation: 3, Finalizers: []string{"keep/it"}}}
	for _, condition := range has {
		conditions.Set(host, condition)
	}
	w.client = fake.NewClientBuilder().WithScheme(scheme).WithObjects(host).WithStatusSubresource(host).
		WithInterceptorFuncs(interceptor.Funcs{SubResourcePatch: func(
			ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, options ...client.SubResourcePatchOption,
		) error {
			if w.refuse != nil {
				return w.refuse
			}
			return c.SubResource(sub).Patch(ctx, o, p, options...)
		}}).Build()
	return w
}

// finish runs what happened over the object as it is stored, and returns what is stored then.
func (w *world) finish(happened func(*phase.Record), result error) (ctrl.Result, error) {
	w.t.Helper()
	w.host = &infrav1.LibvirtHost{}
	if err := w.client.Get(w.t.Context(), client.ObjectKey{Name: "h"}, w.host); err != nil {
		w.t.Fatal(err)
	}
	patcher, err := patch.NewHelper(w.host, w.client)
	if err != nil {
		w.t.Fatal(err)
	}
	record := phase.NewRecord(w.host, table())
	happened(record)
	return record.Finish(w.t.Context(), phase.Ending{Patcher: patcher, Recorder: w.told, Summary: "all is well"}, result)
}

func (w *world) conditions() []string {
	w.t.Helper()
	stored := &infrav1.LibvirtHost{}
	if err := w.client.Get(w.t.Context(), client.ObjectKey{Name: "h"}, stored); err != nil {
		w.t.Fatal(err)
	}
	var all []string
	for _, name := range []string{"Ready", "First", "Second", "Aside", "Last"} {
		if c := conditions.Get(stored, name); c != nil {
			all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", c.Type, c.Status, c.Reason, c.Message)))
		}
	}
	return all
}

func (w *world) events() []string {
	var all []string
	for len(w.told.Events) > 0 {
		all = append(all, <-w.told.Events)
	}
	return all
}

func isTrue(name string) metav1.Condition {
	return metav1.Condition{Type: name, Status: metav1.ConditionTrue, Reason: "Fine"}
}

func TestFinish_tellsOfPhasesInConditionsAndAnEvent(t *testing.T) {
	wait := outcome.Waitf("Later", time.Minute, "for it")
	blocked := outcome.Blockedf("Mend", time.Hour, "mend it")
	unseen := &outcome.Blocked{Reason: "Dark", Message: "no answer", Unknown: true}
	type results = map[string]error
	for _, c := range []struct {
		name    string
		has     []metav1.Condition
		results results
		result  error
		want    []string
		told    string
	}{
		{
			name: "all is done", results: results{"First": nil, "Second": nil, "Aside": nil, "Last": nil},
			want: []string{"Ready True Fine", "First True Fine", "Second True Fine", "Aside True Fine", "Last True Fine"},
			told: "Normal Fine all is well",
		},
		{
			name: "a wait is told as it is", results: results{"First": nil, "Second": wait}, result: wait,
			want: []string{"Ready False Later Second: for it", "First True Fine", "Second False Later for it", "Aside Unknown Earlier", "Last Unknown Earlier"},
			told: "Normal Later Second: for it",
		},
		{
			name: "what a person must mend is a warning", results: results{"First": blocked}, result: blocked,
			want: []string{"Ready False Mend First: mend it", "First False Mend mend it", "Second Unknown Earlier", "Aside Unknown Earlier", "Last Unknown Earlier"},
			told: "Warning Mend First: mend it",
		},
		{
			name: "what lasts stays when it is not reached", has: []metav1.Condition{isTrue("First"), isTrue("Second")},
			results: results{"First": unseen}, result: unseen,
			want: []string{"Ready False Dark First: no answer", "First Unknown Dark no answer", "Second True Fine", "Aside Unknown Earlier", "Last Unknown Earlier"},
			told: "Warning Dark First: no answer",
		},
		{
			name: "Ready repeats the first in the order of people, whatever failed first", results: results{"Second": errA, "First": wait},
			result: errors.Join(errA, wait),
			want:   []string{"Ready False Later First: for it", "First False Later for it", "Second False Broken a", "Aside Unknown Earlier", "Last Unknown Earlier"},
			told:   "Warning Later First: for it",
		},
		{
			name: "what stands beside Ready does not count", results: results{"First": nil, "Second": nil, "Aside": blocked, "Last": nil},
			want: []string{"Ready True Fine", "First True Fine", "Second True Fine", "Aside False Mend mend it", "Last True Fine"},
			told: "Normal Fine all is well",
		},
		{
			name: "an object is ready while a phase after it waits", results: results{"First": nil, "Second": nil, "Aside": nil, "Last": wait}, result: wait,
			want: []string{"Ready True Fine", "First True Fine", "Second True Fine", "Aside True Fine", "Last Unknown Later for it"},
			told: "Normal Fine all is well",
		},
		{
			name: "but not for another reason", results: results{"First": nil, "Second": nil, "Aside": nil, "Last": outcome.Waitf("Busy", 0, "busy")},
			result: outcome.Waitf("Busy", 0, "busy"),
			want:   []string{"Ready False Busy Last: busy", "First True Fine", "Second True Fine", "Aside True Fine", "Last False Busy busy"},
			told:   "Normal Busy Last: busy",
		},
		{
			name: "a wait without reason holds up like any other", results: results{"First": outcome.Waitf("", 0, "for it")}, result: outcome.Waitf("", 0, "for it"),
			want: []string{"Ready False Broken First: for it", "First False Broken for it", "Second Unknown Earlier", "Aside Unknown Earlier", "Last Unknown Earlier"},
			told: "Normal Broken First: for it",
		},
		{
			name: "and not when that is blocked", results: results{"First": nil, "Second": nil, "Aside": nil, "Last": blocked}, result: blocked,
			want: []string{"Ready False Mend Last: mend it", "First True Fine", "Second True Fine", "Aside True Fine", "Last False Mend mend it"},
			told: "Warning Mend Last: mend it",
		},
		{
			name: "an error of no phase is told at the first that was not reached", results: results{"First": nil}, result: errA,
			want: []string{"Ready False Broken Second: a", "First True Fine", "Second Unknown Broken a", "Aside Unknown Earlier", "Last Unknown Earlier"},
			told: "Warning Broken Second: a",
		},
		{
			name: "and at Ready when all were", results: results{"First": nil, "Second": nil, "Aside": nil, "Last": nil}, result: errA,
			want: []string{"Ready False Broken a", "First True Fine", "Second True Fine", "Aside True Fine", "Last True Fine"},
			told: "Warning Broken a",
		},
		{
			name: "a process that stops warns nobody", results: results{"First": context.Canceled}, result: context.Canceled,
			want: []string{"Ready False Broken First: context canceled", "First False Broken context canceled", "Second Unknown Earlier", "Aside Unknown Earlier", "Last Unknown Earlier"},
			told: "Normal Broken First: context canceled",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.has...)
			happened := func(record *phase.Record) {
				for name, err := range c.results {
					record.Set(name, err)
				}
			}
			got, err := w.finish(happened, c.result)
			want, wantErr := outcome.Resolve(c.result)
			if got != want || (err != nil) != (wantErr != nil) {
				t.Errorf("finish returns %+v, %v", got, err)
			}
			if diff := cmp.Diff(c.want, w.conditions()); diff != "" {
				t.Errorf("conditions: %s", diff)
			}
			if diff := cmp.Diff([]string{c.told}, w.events()); diff != "" {
				t.Errorf("events: %s", diff)
			}
			if _, err := w.finish(happened, c.result); (err != nil) != (wantErr != nil) || len(w.events()) > 0 || !cmp.Equal(c.want, w.conditions()) {
				t.Errorf("the same once more: %v, %v", err, w.conditions())
			}
		})
	}
}

func TestFinish_notesAndOmits(t *testing.T) {
	w := newWorld(t, isTrue("Aside"), metav1.Condition{Type: "Last", Status: metav1.ConditionFalse, Reason: "Mend", Message: "mend it"})
	_, err := w.finish(func(record *phase.Record) {
		record.Set("First", nil)
		record.Note("First", "with one left out")
		record.Omit("Aside")
		record.Keep("Last")
	}, nil)
	want := []string{"Ready True Fine", "First True Fine with one left out", "Second Unknown Earlier", "Last False Mend mend it"}
	if diff := cmp.Diff(want, w.conditions()); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

func TestFinish_tellsOfADeletionInReady(t *testing.T) {
	w := newWorld(t, isTrue("First"), isTrue("Second"))
	if err := w.client.Delete(t.Context(), &infrav1.LibvirtHost{ObjectMeta: metav1.ObjectMeta{Name: "h"}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		result error
		ready  string
	}{
		{nil, "Ready False Going the object is being deleted"},
		{outcome.Blockedf("Mend", 0, "mend it"), "Ready False Mend mend it"},
		{errA, "Ready False Broken a"},
	} {
		_, err := w.finish(func(record *phase.Record) { record.Set("Second", outcome.Waitf("Going", 0, "it goes")) }, c.result)
		if (outcome.KindOf(c.result) == outcome.KindFailed) != (err != nil) {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{c.ready, "First True Fine", "Second False Going it goes"}, w.conditions()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestFinish_aPatchThatFailsIsRetriedAtOnceAndNotAnnounced(t *testing.T) {
	for _, c := range []struct {
		name   string
		result error
		kept   bool
	}{
		{"a success", nil, false},
		{"a wait is no error", outcome.Waitf("Later", time.Hour, "for it"), false},
		{"nor is what a person must mend", outcome.Blockedf("Mend", time.Hour, "mend it"), false},
		{"a terminal is tried again, or nobody would learn of it", outcome.Terminalf("Bad", "spec: %w", errB), true},
		{"a failure is told too", errB, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.refuse = errA
			result, err := w.finish(func(record *phase.Record) { record.Set("First", c.result) }, c.result)
			if result != (ctrl.Result{}) || !errors.Is(err, errA) || errors.Is(err, errB) != c.kept || outcome.KindOf(err) != outcome.KindFailed {
				t.Errorf("finish returns %+v, %v", result, err)
			}
			if told := w.events(); len(told) > 0 {
				t.Errorf("told %v", told)
			}
		})
	}
}

func TestFinish_cutsWhatTheAPIServerWouldRefuse(t *testing.T) {
	w := newWorld(t)
	long := errors.New(strings.Repeat("я", 32<<10))
	if _, err := w.finish(func(record *phase.Record) { record.Set("First", long) }, nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range w.host.Status.Conditions {
		if len(c.Message) > 32<<10 {
			t.Errorf("message of %s has %d bytes", c.Type, len(c.Message))
		}
	}
}
