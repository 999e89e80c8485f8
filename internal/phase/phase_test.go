// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package phase_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/phase"
)

var (
	errA = errors.New("a")
	errB = errors.New("b")
)

func step(name string, err error) phase.Func[[]string] {
	return func(_ context.Context, ran *[]string) error {
		*ran = append(*ran, name)
		return err
	}
}

func TestUntilFirst_stopsAtTheFirstThatIsNotDone(t *testing.T) {
	var ran []string
	err := phase.UntilFirst(t.Context(), &ran, step("1", nil), step("2", errA), step("3", nil))
	if !errors.Is(err, errA) {
		t.Errorf("error is %v", err)
	}
	if diff := cmp.Diff([]string{"1", "2"}, ran); diff != "" {
		t.Error(diff)
	}
	if err := phase.UntilFirst[[]string](t.Context(), &ran); err != nil {
		t.Errorf("no phases give %v", err)
	}
}

func TestStep_decidesAlways_andGuard_onlyWhenItIsNotDone(t *testing.T) {
	for _, c := range []struct {
		name      string
		wrap      func(*phase.Record, string, phase.Func[[]string]) phase.Func[[]string]
		err       error
		ran, done bool
	}{
		{"a step that is done", phase.Step[[]string], nil, true, true},
		{"a step that is not", phase.Step[[]string], errA, true, false},
		{"a guard that is done", phase.Guard[[]string], nil, false, false},
		{"a guard that is not", phase.Guard[[]string], errB, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			record := phase.NewRecord(&infrav1.LibvirtHost{}, table())
			if err := c.wrap(record, "First", step("1", c.err))(t.Context(), &[]string{}); !errors.Is(err, c.err) {
				t.Errorf("error is %v", err)
			}
			if record.Ran("First") != c.ran || record.Done("First") != c.done || record.Clean() != (c.err == nil) {
				t.Errorf("ran is %t, done is %t, clean is %t", record.Ran("First"), record.Done("First"), record.Clean())
			}
		})
	}
}
