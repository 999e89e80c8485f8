// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package phase

import (
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/cluster-api/util/patch"
)

// Table declares the conditions of a kind and the reasons that no outcome provides.
type Table struct {
	// Rows are the conditions in the order in which people want to read them; Ready repeats the first that is not done.
	Rows []Row
	// Done is the reason of conditions that are true.
	Done string
	// Waiting is the reason of conditions whose phase was not reached.
	Waiting string
	// Failed is the reason of plain errors, which have none of their own.
	Failed string
	// Deleting is the reason of Ready while the object is being deleted and nothing blocks that.
	Deleting string
}

// Row is a condition that one or more phases decide.
type Row struct {
	Condition string
	// Lasts keeps the condition true when a later reconciliation does not get that far: neither disks nor addresses go
	// away because a host does not answer. It affects only what people see.
	Lasts bool
	// AfterReady is the reason of a Wait that does not keep the object from being ready; any other does.
	AfterReady string
	// Optional leaves the condition out of Ready.
	Optional bool
}

// owned are all conditions of the table, and those that every kind has.
func (t *Table) owned() patch.WithOwnedConditions {
	names := []string{clusterv1.ReadyCondition, clusterv1.PausedCondition}
	for _, row := range t.Rows {
		names = append(names, row.Condition)
	}
	return patch.WithOwnedConditions{Conditions: names}
}

// Object is what a Record is about.
type Object interface {
	client.Object
	conditions.Setter
}

// Record keeps how the phases of one reconciliation of an object went. It is the only writer of the object's conditions.
type Record struct {
	object Object
	table  Table
	// results are the outcomes of the phases that ran, by condition; nil is done.
	results map[string]error
	// notes are the messages of conditions that are true.
	notes map[string]string
	// omitted are conditions that do not apply to the object.
	omitted []string
	// kept are conditions that stay as they are stored.
	kept []string
	// before is the reason of Ready as it was stored.
	before string
}

// NewRecord returns an empty record of an object as it was read.
func NewRecord(object Object, table Table) *Record {
	return &Record{
		object:  object,
		table:   table,
		results: map[string]error{},
		notes:   map[string]string{},
		before:  conditions.GetReason(object, clusterv1.ReadyCondition),
	}
}

// Set records how a phase went.
func (r *Record) Set(condition string, result error) { r.results[condition] = result }

// Note sets the message of a condition in case it is true.
func (r *Record) Note(condition, text string) { r.notes[condition] = text }

// Keep leaves a condition as it is stored when no phase decides on it.
func (r *Record) Keep(condition string) { r.kept = append(r.kept, condition) }

// Omit removes a condition that does not apply to the object.
func (r *Record) Omit(condition string) { r.omitted = append(r.omitted, condition) }

// Ran reports whether a phase that decides the condition has run.
func (r *Record) Ran(condition string) bool {
	_, ran := r.results[condition]
	return ran
}

// Done reports whether a phase succeeded.
func (r *Record) Done(condition string) bool {
	err, ran := r.results[condition]
	return ran && err == nil
}

// Clean reports whether every phase that ran succeeded.
func (r *Record) Clean() bool {
	for _, err := range r.results {
		if err != nil {
			return false
		}
	}
	return true
}

// rows are those of the table that apply to the object.
func (r *Record) rows() []Row {
	return slices.DeleteFunc(slices.Clone(r.table.Rows), func(row Row) bool { return slices.Contains(r.omitted, row.Condition) })
}

// attribute assigns an error that no phase returned to the first condition that was not reached, so that people see it.
func (r *Record) attribute(result error) (condition string) {
	if result == nil || !r.Clean() {
		return ""
	}
	for _, row := range r.rows() {
		if _, ran := r.results[row.Condition]; !ran && !row.Optional {
			return row.Condition
		}
	}
	return ""
}
