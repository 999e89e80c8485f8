// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package event emits events whose notes the API server accepts: it rejects a note that is too long, and client-go's
// recorder neither cuts it nor reports the error, so the event would be lost.
package event

import (
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
)

// Limit is the number of bytes that the API server accepts as the note of an event.
const Limit = 1024

// ellipsis marks where a text was cut.
const ellipsis = "…"

// Emit records an event about an object, with as much of the note as the API server accepts.
func Emit(recorder events.EventRecorder, about runtime.Object, kind, reason, action, note string) {
	recorder.Eventf(about, nil, kind, reason, action, "%s", Cut(note, Limit))
}

// Cut returns as much of a text as fits into limit bytes, in whole characters, and marks where it was cut. Bytes that are
// not UTF-8, which the API server would reject too, are replaced by question marks.
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
