// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package packages

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEnsure_doesNothingForInstalledPackages(t *testing.T) {
	if err := Ensure(t.Context(), "dpkg", "coreutils"); err != nil {
		t.Fatal(err)
	}
}

func TestMissing_namesUnknownPackages(t *testing.T) {
	got := missing(t.Context(), []string{"dpkg", "no-such-package-anywhere"})
	if diff := cmp.Diff([]string{"no-such-package-anywhere"}, got); diff != "" {
		t.Error(diff)
	}
}
