// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package assert has what tests without a cluster check again and again, in one line each.
package assert

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// NoError ends the test at an error.
func NoError(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// Equal fails the test when got differs from want.
func Equal(tb testing.TB, want, got any, options ...cmp.Option) {
	tb.Helper()
	if diff := cmp.Diff(want, got, options...); diff != "" {
		tb.Errorf("(-want +got)\n%s", diff)
	}
}

// Problem fails the test unless the first problem of the error reads as wanted.
func Problem(tb testing.TB, err error, want string) {
	tb.Helper()
	found := problem.All(err)
	if len(found) == 0 {
		tb.Fatalf("got %v, want a problem", err)
	}
	if got := found[0].Error(); got != want {
		tb.Errorf("\n got %s\nwant %s", got, want)
	}
}
