// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package problem_test

import (
	"errors"
	"fmt"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

func TestProblem_saysWhereAndWhy(t *testing.T) {
	cases := map[string]struct {
		in   problem.Problem
		want string
	}{
		"everything":  {problem.Problem{Source: "butane", Path: "a.b", Line: 3, Column: 4, Reason: "is wrong"}, "butane: line 3 column 4: a.b: is wrong"},
		"path only":   {problem.Problem{Path: "a.b", Reason: "is wrong"}, "a.b: is wrong"},
		"reason only": {problem.Problem{Reason: "is wrong"}, "is wrong"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := tc.in.Error(); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestAll_findsProblemsInEveryWrapping(t *testing.T) {
	var l problem.List
	l.Addf("a", "one")
	l.Addf("b", "two")
	err := fmt.Errorf("render: %w", errors.Join(errors.New("other"), fmt.Errorf("deep: %w", l.Err()), problem.Newf("c", "three")))
	found := problem.All(err)
	if len(found) != 3 || found[0].Path != "a" || found[2].Path != "c" {
		t.Errorf("got %v", found)
	}
	if problem.All(nil) != nil || problem.All(errors.New("other")) != nil {
		t.Error("found problems where none are")
	}
}

func TestIn_namesTheSourceOnce(t *testing.T) {
	err := problem.In("outer", problem.In("inner", problem.Newf("a", "one")))
	if got := err.Error(); got != "inner: a: one" {
		t.Errorf("got %q", got)
	}
	if problem.In("x", nil) != nil {
		t.Error("made an error of nil")
	}
	other := errors.New("other")
	if err := problem.In("x", other); !errors.Is(err, other) {
		t.Errorf("lost the cause: %v", err)
	}
}

func TestList_isBounded(t *testing.T) {
	var l problem.List
	for range 1000 {
		l.Addf("a", "again")
	}
	if n := len(problem.All(l.Err())); n != 32 || !l.Full() {
		t.Errorf("%d problems", n)
	}
}

func TestOnlyPlaces_keepsNothingOfTheDocument(t *testing.T) {
	const left = "is refused; details are left out, since the document is a Secret"
	cases := map[string]struct {
		in   error
		want string
	}{
		"of the document":  {&problem.Problem{Path: "s3cr3t", Line: 3, Column: 4, Reason: "unused key s3cr3t"}, "mine: line 3 column 4: " + left},
		"of one inside it": {&problem.Problem{Source: "mine: merge[0]", Line: 3, Column: 4, Reason: "s3cr3t"}, "mine: " + left},
		"no problem":       {errors.New("s3cr3t"), "mine: " + left},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := problem.OnlyPlaces("mine", fmt.Errorf("x: %w", tc.in)).Error(); got != tc.want {
				t.Errorf("got %q", got)
			}
		})
	}
	if problem.OnlyPlaces("mine", nil) != nil {
		t.Error("nothing became something")
	}
}

func TestWithoutPlaces_keepsTheRest(t *testing.T) {
	err := problem.WithoutPlaces(&problem.Problem{Source: "a", Path: "b", Line: 1, Column: 2, Reason: "is wrong"})
	if got := err.Error(); got != "a: b: is wrong" {
		t.Errorf("got %q", got)
	}
	if problem.WithoutPlaces(nil) != nil {
		t.Error("nothing became something")
	}
}

func TestOfYAML_givesTheLineAndRepeatsNothing(t *testing.T) {
	cases := map[string]struct{ in, want string }{
		"an unknown anchor": {"a: *s3cr3t\n", "is not valid YAML: unknown anchor (its name) referenced"},
		"a missing colon":   {"a: b\ns3cr3t\nc: d\n", "line 2 column 1: is not valid YAML: could not find expected ':'"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := yaml.Unmarshal([]byte(tc.in), &yaml.Node{})
			if err == nil {
				t.Fatal("the parser accepts it")
			}
			if got := problem.FromYAML(err).Error(); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
