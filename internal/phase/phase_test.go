// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package phase_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

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

func TestAll_runsEverythingAndJoins(t *testing.T) {
	var ran []string
	err := phase.All(t.Context(), &ran, step("1", errA), step("2", nil), step("3", errB))
	if !errors.Is(err, errA) || !errors.Is(err, errB) {
		t.Errorf("error is %v", err)
	}
	if diff := cmp.Diff([]string{"1", "2", "3"}, ran); diff != "" {
		t.Error(diff)
	}
	if err := phase.All(t.Context(), &ran, step("4", nil)); err != nil {
		t.Errorf("success gives %v", err)
	}
}
