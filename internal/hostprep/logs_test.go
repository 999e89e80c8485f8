// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package hostprep

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

func TestRemoveLogs_takesOneDomainsLogsAndNoOthers(t *testing.T) {
	root := t.TempDir()
	qemu, swtpm := filepath.Join(root, "libvirt", "qemu"), filepath.Join(root, "swtpm", "libvirt", "qemu")
	gone := []string{
		"a.log", "a.log.0", "a.log.1.gz", "a.log.12", "a.log-20260131.xz", "a-console.log", "a-console.log.0", "a-console.log.2",
	}
	kept := []string{"a-1-console.log", "a-1-console.log.0", "a-1.log", "a.log.old", "aa.log", "b.log"} // in their order
	for _, name := range append(append([]string{}, gone...), kept...) {
		writeFile(t, filepath.Join(qemu, name))
	}
	writeFile(t, filepath.Join(swtpm, "a-swtpm.log"))
	writeFile(t, filepath.Join(swtpm, "a-1-swtpm.log"))

	for range 2 { // the second time there is nothing to do
		assert.NoError(t, removeLogs(t.Context(), here{}, "a", root))
	}
	assert.Equal(t, kept, names(t, qemu))
	assert.Equal(t, []string{"a-1-swtpm.log"}, names(t, swtpm))
}

func TestRemoveLogs_needsNoFolders(t *testing.T) {
	if err := removeLogs(t.Context(), here{}, "a", filepath.Join(t.TempDir(), "absent")); err != nil {
		t.Error(err)
	}
}

func TestRemoveLogs_tellsOfLogsThatStay(t *testing.T) {
	root := t.TempDir()
	writeFile(t, filepath.Join(root, "libvirt", "qemu", "a.log", "a folder is not removed"))
	if err := removeLogs(t.Context(), here{}, "a", root); err == nil {
		t.Error("no error")
	}
}

func TestRemoveLogs_refusesNamesThatAreNone(t *testing.T) {
	for _, name := range []string{"", "../a", "a/b", "-a", "a*", "a'b", "a b"} {
		if err := RemoveLogs(t.Context(), here{}, name); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func writeFile(t *testing.T, path string) {
	t.Helper()
	assert.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	assert.NoError(t, os.WriteFile(path, nil, 0o600))
}

func names(t *testing.T, folder string) (found []string) {
	t.Helper()
	entries, err := fs.ReadDir(os.DirFS(folder), ".")
	assert.NoError(t, err)
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	return found
}
