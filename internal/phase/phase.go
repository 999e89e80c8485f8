// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package phase runs the steps of a reconciliation over a scope: the data that the steps read and gather.
package phase

import (
	"context"
	"errors"
)

// Func is one step. It is idempotent and returns nil only when what it ensures is so.
type Func[S any] func(ctx context.Context, scope *S) error

// UntilFirst runs the phases in order and stops at the first that is not done: later ones build on earlier ones.
func UntilFirst[S any](ctx context.Context, scope *S, phases ...Func[S]) error {
	for _, run := range phases {
		if err := run(ctx, scope); err != nil {
			return err
		}
	}
	return nil
}

// All runs all phases whatever the others return, and joins what is not done: releases are independent of each other.
func All[S any](ctx context.Context, scope *S, phases ...Func[S]) error {
	var errs []error
	for _, run := range phases {
		errs = append(errs, run(ctx, scope))
	}
	return errors.Join(errs...)
}
