// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"

	"github.com/altcos/cluster-api-provider-altcos/internal/event"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

func TestCut(t *testing.T) {
	for _, c := range []struct {
		name, text string
		limit      int
		want       string
	}{
		{"what fits stays", "host a", 6, "host a"},
		{"nothing stays nothing", "", 6, ""},
		{"what does not fit is cut", "host abc", 7, "host…"},
		{"a character is not cut in two", "узел", 7, "уз…"},
		{"a character of four bytes is not cut in two", "ab😀😀", 8, "ab…"},
		{"bytes that are not UTF-8", "a\xffb", 6, "a?b"},
		{"a cut character at the end", "уз\xd0", 6, "уз?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, event.Cut(c.text, c.limit))
		})
	}
}

func TestEmit_cutsTheNoteAndTakesItLiterally(t *testing.T) {
	recorder := events.NewFakeRecorder(2)
	event.Emit(recorder, nil, corev1.EventTypeWarning, "Full", "Look", "100%d full")
	event.Emit(recorder, nil, corev1.EventTypeNormal, "Long", "Look", strings.Repeat("я", 600))
	got := []string{<-recorder.Events, <-recorder.Events}
	want := []string{"Warning Full 100%d full", "Normal Long " + strings.Repeat("я", 510) + "…"}
	assert.Equal(t, want, got)
	if note := strings.TrimPrefix(got[1], "Normal Long "); len(note) > event.Limit {
		t.Errorf("the note has %d bytes", len(note))
	}
}
