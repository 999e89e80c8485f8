// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestLastEvents_areOfTheObjectAndInOrder(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(minute int) time.Time { return began.Add(time.Duration(minute) * time.Minute) }
	event := func(reason, kind, name string) corev1.Event {
		return corev1.Event{
			ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(began)}, Reason: reason,
			InvolvedObject: corev1.ObjectReference{Kind: kind, Name: name},
		}
	}
	var events []corev1.Event
	for i := range 6 {
		e := event(fmt.Sprint("old", i), "LibvirtHost", "node3")
		e.EventTime = metav1.NewMicroTime(at(i)) // as events.k8s.io writes it
		events = append(events, e)
	}
	repeated := event("repeated", "LibvirtHost", "node3")
	repeated.Series = &corev1.EventSeries{LastObservedTime: metav1.NewMicroTime(at(8))}
	counted := event("counted", "LibvirtHost", "node3")
	counted.LastTimestamp = metav1.NewTime(at(7)) // as the old API does
	events = append(events, repeated, counted, event("another's", "LibvirtHost", "node4"), event("of another kind", "LibvirtMachine", "node3"))

	var got []string
	for _, e := range lastEvents(events, object("LibvirtHost", "node3")) {
		got = append(got, e.Reason)
	}
	if diff := cmp.Diff([]string{"old3", "old4", "old5", "counted", "repeated"}, got); diff != "" {
		t.Error(diff)
	}
}
