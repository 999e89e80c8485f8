// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package phase

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	"github.com/altcos/cluster-api-provider-altcos/internal/event"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
)

// maxMessage is the limit of the API for a condition's message, less the name of the condition that Ready puts before it.
const maxMessage = 32<<10 - 64

// write sets all conditions. result is what the phases returned together.
func (r *Record) write(result error) {
	for _, name := range r.omitted {
		conditions.Delete(r.object, name)
	}
	if !r.object.GetDeletionTimestamp().IsZero() {
		r.writeDeleting(result)
		return
	}
	unattributed := r.attribute(result)
	ready := r.met(clusterv1.ReadyCondition)
	for _, row := range r.rows() {
		condition := r.condition(row)
		if row.Condition == unattributed {
			condition = r.unmet(row, result)
			condition.Status = metav1.ConditionUnknown
		}
		conditions.Set(r.object, condition)
		holds := row.Condition == unattributed || r.holdsUp(row)
		if holds && ready.Status == metav1.ConditionTrue {
			ready = notReady(condition)
		}
	}
	if ready.Status == metav1.ConditionTrue && unattributed == "" && outcome.KindOf(result) > outcome.KindWait {
		ready = r.unmet(Row{Condition: clusterv1.ReadyCondition}, result)
	}
	conditions.Set(r.object, ready)
}

// writeDeleting reports the progress of the removal in Ready, and the conditions of the phases that ran.
func (r *Record) writeDeleting(result error) {
	for _, row := range r.rows() {
		if _, ran := r.results[row.Condition]; ran {
			conditions.Set(r.object, r.condition(row))
		}
	}
	fallback := r.table.Deleting
	if outcome.KindOf(result) == outcome.KindFailed {
		fallback = r.table.Failed
	}
	reason, message := outcome.Explain(result, fallback)
	if message == "" {
		message = "the object is being deleted"
	}
	conditions.Set(r.object, metav1.Condition{
		Type: clusterv1.ReadyCondition, Status: metav1.ConditionFalse, Reason: reason, Message: event.Cut(message, maxMessage),
	})
}

// condition reports how a phase went.
func (r *Record) condition(row Row) metav1.Condition {
	switch err, ran := r.results[row.Condition]; {
	case ran && err != nil:
		return r.unmet(row, err)
	case ran || row.Lasts && conditions.IsTrue(r.object, row.Condition):
		return r.met(row.Condition)
	}
	if stored := conditions.Get(r.object, row.Condition); stored != nil && slices.Contains(r.kept, row.Condition) {
		return *stored
	}
	return metav1.Condition{Type: row.Condition, Status: metav1.ConditionUnknown, Reason: r.table.Waiting}
}

func (r *Record) met(name string) metav1.Condition {
	return metav1.Condition{Type: name, Status: metav1.ConditionTrue, Reason: r.table.Done, Message: r.notes[name]}
}

// unmet is Unknown where nothing could be observed, and where waiting is expected.
func (r *Record) unmet(row Row, err error) metav1.Condition {
	reason, message := outcome.Explain(err, r.table.Failed)
	condition := metav1.Condition{
		Type: row.Condition, Status: metav1.ConditionFalse, Reason: reason, Message: event.Cut(message, maxMessage),
	}
	if outcome.Unknown(err) || row.awaits(err) {
		condition.Status = metav1.ConditionUnknown
	}
	return condition
}

// awaits reports whether an outcome is the one that the object is ready with.
func (row Row) awaits(err error) bool {
	reason, _ := outcome.Explain(err, "")
	return row.AfterReady != "" && outcome.KindOf(err) == outcome.KindWait && reason == row.AfterReady
}

// holdsUp reports whether a phase keeps the object from being ready.
func (r *Record) holdsUp(row Row) bool {
	kind := outcome.KindOf(r.results[row.Condition])
	return !row.Optional && kind != outcome.KindDone && !row.awaits(r.results[row.Condition])
}

// notReady summarises by repeating the first condition that is not true.
func notReady(first metav1.Condition) metav1.Condition {
	message := first.Type
	if first.Message != "" {
		message += ": " + first.Message
	}
	return metav1.Condition{Type: clusterv1.ReadyCondition, Status: metav1.ConditionFalse, Reason: first.Reason, Message: message}
}
