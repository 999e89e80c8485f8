// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package eventnote emits events whose notes the API server takes: it refuses one that is too long, and the recorder of
// client-go neither cuts it nor tells whoever made it, so that the event would be lost.
package eventnote

import (
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
)

// Limit is the most bytes that the API server takes for the note of an event.
const Limit = 1024

// ellipsis ends what was cut.
const ellipsis = "…"

// Emit records an event about an object, with as much of the note as an event may have.
func Emit(recorder events.EventRecorder, about runtime.Object, kind, reason, action, note string) {
	recorder.Eventf(about, nil, kind, reason, action, "%s", Cut(note, Limit))
}

// Cut returns as much of a text as limit bytes hold, in whole characters, and shows where it was cut. Bytes that are no
// UTF-8, which the API server would not take either, become question marks.
func Cut(text string, limit int) string {
	text = strings.ToValidUTF8(text, "?")
	if len(text) <= limit {
		return text
	}
	end := max(limit-len(ellipsis), 0)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + ellipsis
}
