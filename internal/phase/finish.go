// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package phase

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/cluster-api/util/patch"

	"github.com/altcos/cluster-api-provider-altcos/internal/event"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
)

// Ending is what Finish needs besides the record.
type Ending struct {
	// Patcher stores the object; it was made before anything was changed.
	Patcher *patch.Helper
	// Recorder of events.
	Recorder events.EventRecorder
	// Summary is the message of the event when the object has become ready.
	Summary string
}

// Finish writes the conditions, patches the object, emits an event if Ready changed, and returns what controller-runtime
// expects. When the patch fails no event is emitted and no Wait is honoured: it is retried at once, and its error is
// returned together with that of the phases.
func (r *Record) Finish(ctx context.Context, end Ending, result error) (ctrl.Result, error) {
	r.write(result)
	if err := end.Patcher.Patch(ctx, r.object, r.table.owned()); err != nil {
		if outcome.Pending(result) {
			result = nil
		}
		return ctrl.Result{}, errors.Join(result, err)
	}
	r.announce(end, result)
	return outcome.Resolve(result)
}

// announce emits an event when the reason of Ready changed: a warning when people have to look.
func (r *Record) announce(end Ending, result error) {
	ready := conditions.Get(r.object, clusterv1.ReadyCondition)
	if ready == nil || ready.Reason == r.before {
		return
	}
	kind, message := corev1.EventTypeNormal, ready.Message
	if ready.Status == metav1.ConditionTrue {
		message = end.Summary
	} else if r.warns(result) {
		kind = corev1.EventTypeWarning
	}
	event.Emit(end.Recorder, r.object, kind, ready.Reason, "Reconcile", message)
}

// warns reports whether people have to look. A Wait ends by itself, and so does the shutdown of the manager.
func (r *Record) warns(result error) bool {
	all := []error{result}
	for _, row := range r.rows() {
		if r.holdsUp(row) {
			all = append(all, r.results[row.Condition])
		}
	}
	worst := errors.Join(all...)
	return outcome.KindOf(worst) > outcome.KindWait && !errors.Is(worst, context.Canceled)
}
