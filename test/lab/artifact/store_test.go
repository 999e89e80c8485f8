// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// product builds a product with one file and counts how often.
func product(builds *int, content string) func(context.Context, string) error {
	return func(_ context.Context, dir string) error {
		*builds++
		return os.WriteFile(filepath.Join(dir, "file"), []byte(content), 0o600)
	}
}

func TestEnsure_buildsOnceForAKey(t *testing.T) {
	store, builds := &Store{Dir: t.TempDir()}, 0
	var group errgroup.Group
	for range 4 {
		group.Go(func() error {
			_, err := store.Ensure(t.Context(), "tool", Key{"v1"}, product(&builds, "one"))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	dir, err := store.Ensure(t.Context(), "tool", Key{"v1"}, product(&builds, "two"))
	if err != nil || builds != 1 {
		t.Fatalf("%d builds, error %v", builds, err)
	}
	if content, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(content) != "one" {
		t.Errorf("file holds %q, error %v", content, err)
	}
}

func TestEnsure_leavesNothingOfAFailedBuild(t *testing.T) {
	store, builds, broken := &Store{Dir: t.TempDir()}, 0, errors.New("broken")
	_, err := store.Ensure(t.Context(), "tool", Key{"v1"}, func(ctx context.Context, dir string) error {
		return errors.Join(product(&builds, "half")(ctx, dir), broken)
	})
	if !errors.Is(err, broken) {
		t.Fatalf("error %v", err)
	}
	dir, err := store.Ensure(t.Context(), "tool", Key{"v1"}, func(_ context.Context, dir string) error {
		entries, err := os.ReadDir(dir)
		if len(entries) != 0 {
			t.Errorf("the second build finds %v", entries)
		}
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
}

func TestEnsure_removesOnlyWhatNobodyAsksFor(t *testing.T) {
	store, builds := &Store{Dir: t.TempDir()}, 0
	build := func(name, version string) string {
		t.Helper()
		dir, err := store.Ensure(t.Context(), name, Key{version}, product(&builds, version))
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	old, used, other := build("tool", "v1"), build("tool", "v2"), build("tool-kit", "v1")
	long := time.Now().Add(-2 * unusedFor)
	for _, dir := range []string{old, used, other} {
		if err := os.Chtimes(dir, long, long); err != nil {
			t.Fatal(err)
		}
	}
	build("tool", "v2") // a lab still uses it
	build("tool", "v3")
	for dir, want := range map[string]bool{old: false, used: true, other: true} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s exists: %t, want %t", filepath.Base(dir), err == nil, want)
		}
	}
}
