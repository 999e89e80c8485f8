// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package imagecache

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/go-logr/logr"

	"github.com/altcos/cluster-api-provider-altcos/internal/logkeys"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

const (
	spoolEnding = ".img"
	partEnding  = ".part"
)

// spool is the directory of unpacked images, bounded by bytes.
type spool struct {
	dir string
	max int64

	mu      sync.Mutex
	used    int64
	turn    int64
	entries map[string]*entry
}

// entry is a whole image in the spool; it is not evicted while it has readers, and turn orders entries by their last use.
type entry struct {
	size    int64
	readers int
	turn    int64
}

func newSpool(dir string, maxBytes int64) (*spool, error) {
	if dir == "" {
		return nil, errors.New("no directory")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, err
	}
	s := &spool{dir: dir, max: maxBytes, entries: map[string]*entry{}}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		sha, whole := strings.CutSuffix(f.Name(), spoolEnding)
		switch info, err := f.Info(); {
		case err != nil:
			return nil, err
		case whole && isDigest(sha) && info.Mode().IsRegular():
			s.entries[sha] = &entry{size: info.Size()}
			s.used += info.Size()
		case strings.HasSuffix(f.Name(), partEnding):
			if err := os.Remove(filepath.Join(dir, f.Name())); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

func (s *spool) path(sha string) string { return filepath.Join(s.dir, sha+spoolEnding) }

// spooled is an open image; it can be evicted after Close.
type spooled struct {
	*os.File
	size   int64
	format virt.VolumeFormat
	done   func()
}

func (i *spooled) Close() error {
	defer i.done()
	return i.File.Close()
}

// open returns the image if the spool has it.
func (s *spool) open(sha string) (*spooled, bool, error) {
	s.mu.Lock()
	e, ok := s.entries[sha]
	if ok {
		e.readers++
		s.turn++
		e.turn = s.turn
	}
	s.mu.Unlock()
	if !ok {
		return nil, false, nil
	}
	done := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		e.readers--
	}
	f, format, err := openImage(s.path(sha), e.size)
	if err != nil {
		done()
		s.drop(sha)
		return nil, false, err
	}
	return &spooled{File: f, size: e.size, format: format, done: done}, true, nil
}

func openImage(path string, size int64) (*os.File, virt.VolumeFormat, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, "", fmt.Errorf("open cached image: %w", err)
	}
	format, err := identifyFile(f)
	if info, statErr := f.Stat(); err == nil && (statErr != nil || info.Size() != size) {
		err = cmp.Or(statErr, errors.New("cached image changed its size"))
	}
	if err != nil {
		_ = f.Close()
		return nil, "", err
	}
	return f, format, nil
}

// identifyFile identifies a file by its beginning, without moving its offset.
func identifyFile(f *os.File) (virt.VolumeFormat, error) {
	header := make([]byte, HeaderBytes)
	n, err := f.ReadAt(header, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read image header: %w", err)
	}
	return identify(header[:n])
}

// drop removes an image without readers.
func (s *spool) drop(sha string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.entries[sha]; ok && e.readers == 0 {
		s.evict(sha, e)
	}
}

func (s *spool) evict(sha string, e *entry) {
	_ = os.Remove(s.path(sha)) // a file that stays is found by the next process
	delete(s.entries, sha)
	s.used -= e.size
}

// reserve makes room for n more bytes: it evicts what was not used for the longest time.
func (s *spool) reserve(n int64, log logr.Logger) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.used+n > s.max {
		oldest := ""
		for sha, e := range s.entries {
			if e.readers == 0 && (oldest == "" || e.turn < s.entries[oldest].turn) {
				oldest = sha
			}
		}
		if oldest == "" {
			return fmt.Errorf("%w (%d bytes)", ErrTooLarge, s.max)
		}
		log.V(1).Info("Evicting image from the cache", "evicted", oldest, logkeys.Bytes, s.entries[oldest].size)
		s.evict(oldest, s.entries[oldest])
	}
	s.used += n
	return nil
}

func (s *spool) add(sha string, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn++
	s.entries[sha] = &entry{size: size, turn: s.turn}
}

func (s *spool) unreserve(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used -= n
}

// spoolWriter reserves room before it writes.
type spoolWriter struct {
	*os.File
	spool *spool
	log   logr.Logger
	size  int64
}

func (w *spoolWriter) Write(p []byte) (int, error) {
	if err := w.spool.reserve(int64(len(p)), w.log); err != nil {
		return 0, err
	}
	w.size += int64(len(p))
	return w.File.Write(p)
}
