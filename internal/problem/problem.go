// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package problem

import (
	"errors"
	"fmt"
	"strings"
)

// Problem is one thing that is wrong in one place.
type Problem struct { //nolint:errname // it is a finding first; lists of them are handed around as data
	// Source names the document, such as "bootstrap data" or a user's layer; empty when there is only one.
	Source string
	// Path is the field path, such as users[0].shell; empty when the whole document is meant.
	Path string
	// Line and Column count from 1; 0 when unknown.
	Line, Column int
	// Reason is what is wrong and what would be right, without quoting values.
	Reason string
}

// Error is source, position, path and reason in one line.
func (p *Problem) Error() string {
	var b strings.Builder
	if p.Source != "" {
		b.WriteString(p.Source + ": ")
	}
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d column %d: ", p.Line, p.Column)
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Reason)
	return b.String()
}

// List collects problems, in document order. The zero value is ready for use.
type List struct {
	problems []*Problem
}

// maxProblems bounds what one document can make us report.
const maxProblems = 32

// Addf records a problem at path.
func (l *List) Addf(path, format string, args ...any) {
	l.Append(&Problem{Path: path, Reason: fmt.Sprintf(format, args...)})
}

// Append records problems that are already made; all beyond the first 32 are dropped, they repeat the same mistake.
func (l *List) Append(problems ...*Problem) {
	for _, p := range problems {
		if len(l.problems) < maxProblems {
			l.problems = append(l.problems, p)
		}
	}
}

// Empty reports whether nothing was recorded.
func (l *List) Empty() bool { return len(l.problems) == 0 }

// Full reports whether further problems would be dropped.
func (l *List) Full() bool { return len(l.problems) >= maxProblems }

// Err returns nil for an empty list, else an error that lists every problem; All gets them back.
func (l *List) Err() error {
	if l.Empty() {
		return nil
	}
	errs := make([]error, len(l.problems))
	for i, p := range l.problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}

// Newf returns a single problem as an error.
func Newf(path, format string, args ...any) error {
	return &Problem{Path: path, Reason: fmt.Sprintf(format, args...)}
}

// All returns every problem found in err's tree, in order; none when err is of another kind.
func All(err error) []*Problem {
	switch e := err.(type) { //nolint:errorlint // this walks the whole tree itself, errors.As stops at the first
	case nil:
		return nil
	case *Problem:
		return []*Problem{e}
	case interface{ Unwrap() []error }:
		var all []*Problem
		for _, inner := range e.Unwrap() {
			all = append(all, All(inner)...)
		}
		return all
	default:
		return All(errors.Unwrap(err))
	}
}

// OnlyPlaces keeps lines and columns of the problems in err, and nothing that could come from the document. Problems of
// another source than the document's own, such as a config inside it, have no place that its author would find.
func OnlyPlaces(source string, err error) error {
	if err == nil {
		return nil
	}
	var l List
	for _, p := range All(err) {
		left := &Problem{Source: source, Reason: "is refused; details are left out, since the document is a Secret"}
		if p.Source == "" || p.Source == source {
			left.Line, left.Column = p.Line, p.Column
		}
		l.Append(left)
	}
	if l.Empty() {
		l.Append(&Problem{Source: source, Reason: "is refused; details are left out, since the document is a Secret"})
	}
	return l.Err()
}

// WithoutPlaces drops lines and columns of the problems in err: the text is generated, and its author does not see it.
func WithoutPlaces(err error) error {
	var l List
	for _, p := range All(err) {
		unplaced := *p
		unplaced.Line, unplaced.Column = 0, 0
		l.Append(&unplaced)
	}
	if l.Empty() {
		return err
	}
	return l.Err()
}

// In returns err with Source set on every problem that has none; an error without problems is wrapped as it is.
func In(source string, err error) error {
	if err == nil {
		return nil
	}
	found := All(err)
	if len(found) == 0 {
		return fmt.Errorf("%s: %w", source, err)
	}
	var l List
	for _, p := range found {
		named := *p
		if named.Source == "" {
			named.Source = source
		}
		l.Append(&named)
	}
	return l.Err()
}
