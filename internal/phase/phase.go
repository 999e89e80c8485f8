// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package phase

import (
	"context"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/altcos/cluster-api-provider-altcos/internal/logkeys"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
)

// Func is one step. It is idempotent and returns nil only when what it ensures is the case.
type Func[S any] func(ctx context.Context, scope *S) error

// UntilFirst runs the phases in order and stops at the first that is not done: later phases build on earlier ones.
func UntilFirst[S any](ctx context.Context, scope *S, phases ...Func[S]) error {
	for _, run := range phases {
		if err := run(ctx, scope); err != nil {
			return err
		}
	}
	return nil
}

// Step makes a phase that decides a condition, whether it is done or not.
func Step[S any](record *Record, condition string, run Func[S]) Func[S] {
	return func(ctx context.Context, scope *S) error {
		err := timed(ctx, scope, condition, run)
		record.Set(condition, err)
		return err
	}
}

// Guard makes a phase that precedes the Step of a condition: it sets the condition only when it is not done.
func Guard[S any](record *Record, condition string, run Func[S]) Func[S] {
	return func(ctx context.Context, scope *S) error {
		err := timed(ctx, scope, condition, run)
		if err != nil {
			record.Set(condition, err)
		}
		return err
	}
}

// timed runs a phase and logs how it went. All phases of all kinds pass through here.
func timed[S any](ctx context.Context, scope *S, condition string, run Func[S]) error {
	start := time.Now()
	err := run(ctx, scope)
	log := ctrl.LoggerFrom(ctx).V(4)
	if err != nil {
		log = ctrl.LoggerFrom(ctx).V(2)
	}
	if log.Enabled() {
		reason, _ := outcome.Explain(err, "")
		log.Info("Ran phase", logkeys.Phase, condition, logkeys.Duration, time.Since(start), logkeys.Reason, reason)
	}
	return err
}
