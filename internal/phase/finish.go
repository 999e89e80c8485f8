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

// Ending is what Finish needs beside the record.
type Ending struct {
	// Patcher stores the object; it was made before anything was changed.
	Patcher *patch.Helper
	// Recorder of events.
	Recorder events.EventRecorder
	// Summary is what an event says when the object has become ready.
	Summary string
}

// Finish writes the conditions, stores the object, then tells people of a change of Ready, and returns what
// controller-runtime expects. What could not be stored is neither announced nor waited for: a failed patch is retried at
// once, with the failure of the phases if there was one.
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

// announce tells people of a change of Ready, with a warning when they have to look.
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

// warns reports whether people should look. A wait ends by itself, and so does a process that is told to stop.
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
