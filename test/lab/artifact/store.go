// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// DirEnv names the environment variable that moves the store away from the user's cache directory.
const DirEnv = "ALTCOS_LAB_CACHE"

// unusedFor is how long an unused product is kept.
const unusedFor = 72 * time.Hour

// Store is a directory of build products. Several processes may use it at the same time.
type Store struct {
	// Dir is the root of the store.
	Dir string
	// Progress is called with a short description before something is built. It may be nil.
	Progress func(message string)
}

// Open returns the store in $ALTCOS_LAB_CACHE, or below the user's cache directory.
func Open() (*Store, error) {
	dir := os.Getenv(DirEnv)
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("find the user's cache directory (set %s): %w", DirEnv, err)
		}
		dir = filepath.Join(base, "cluster-api-provider-altcos")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create artifact store: %w", err)
	}
	return &Store{Dir: dir}, nil
}

// Key is everything that a product depends on: versions, scripts, configuration. Products with equal keys are equal.
type Key []string

func (k Key) digest() string {
	sum := sha256.New()
	for _, part := range k {
		fmt.Fprintf(sum, "%d:%s\n", len(part), part)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// FileKey is a Key of the contents of files and of all regular files below directories.
func FileKey(paths ...string) (Key, error) {
	var key Key
	for _, path := range paths {
		err := filepath.WalkDir(path, func(name string, entry os.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			relative, err := filepath.Rel(path, name)
			if err != nil {
				return err
			}
			key = append(key, relative, string(content))
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read inputs of an artifact: %w", err)
		}
	}
	return key, nil
}

// Ensure returns the directory of the product called name built from key. When it is missing, build is called with an
// empty directory, which becomes the product only if build succeeds; products of the same name that were not used in
// the last days are then removed.
// Processes that want the same product wait for one another.
func (s *Store) Ensure(ctx context.Context, name string, key Key, build func(ctx context.Context, dir string) error) (string, error) {
	target := filepath.Join(s.Dir, name+"-"+key.digest())
	if found, err := use(target); found || err != nil {
		return target, err
	}
	unlock, err := s.lock(name)
	if err != nil {
		return "", err
	}
	defer unlock()
	if found, err := use(target); found || err != nil { // another process built it while we waited
		return target, err
	}
	if s.Progress != nil {
		s.Progress("building " + name)
	}
	partial := target + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return "", fmt.Errorf("remove leftovers of %s: %w", name, err)
	}
	if err := os.MkdirAll(partial, 0o755); err != nil {
		return "", fmt.Errorf("create directory for %s: %w", name, err)
	}
	if err := build(ctx, partial); err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	if err := os.Rename(partial, target); err != nil {
		return "", fmt.Errorf("publish %s: %w", name, err)
	}
	return target, s.prune(name, target)
}

func (s *Store) lock(name string) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(s.Dir, name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open lock of %s: %w", name, err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return func() { _ = file.Close() }, nil
}

// use notes that a product is used, if it exists.
func use(target string) (found bool, err error) {
	now := time.Now()
	err = os.Chtimes(target, now, now)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("note the use of an artifact: %w", err)
	}
	return true, nil
}

// prune removes products of name other than keep that were not used lately. A running lab may need the others.
func (s *Store) prune(name, keep string) error {
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		return fmt.Errorf("list artifact store: %w", err)
	}
	digestLength := len(Key(nil).digest())
	entries = slices.DeleteFunc(entries, func(entry os.DirEntry) bool {
		digest, found := strings.CutPrefix(strings.TrimSuffix(entry.Name(), ".partial"), name+"-")
		return !found || len(digest) != digestLength || !entry.IsDir() || entry.Name() == filepath.Base(keep)
	})
	for _, entry := range entries {
		if info, err := entry.Info(); err != nil || time.Since(info.ModTime()) < unusedFor {
			continue
		}
		if err := os.RemoveAll(filepath.Join(s.Dir, entry.Name())); err != nil {
			return fmt.Errorf("remove old %s: %w", name, err)
		}
	}
	return nil
}
