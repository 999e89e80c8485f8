// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package imagecache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"

	"github.com/go-logr/logr"

	"github.com/altcos/cluster-api-provider-altcos/internal/logkeys"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// download gets the image into the spool, once for all hosts that wait for it, and opens it.
func (c *Cache) download(ctx context.Context, u *url.URL, r Request) (*spooled, error) {
	unlock, err := c.locks.Lock(ctx, "download\x00"+r.SHA256)
	if err != nil {
		return nil, fmt.Errorf("wait for image %s: %w", r.SHA256, err)
	}
	defer unlock()
	if image, ok, err := c.spool.open(r.SHA256); ok || err != nil {
		return image, err
	}
	if err := c.fetch(ctx, u, r); err != nil {
		return nil, err
	}
	image, ok, err := c.spool.open(r.SHA256)
	if err == nil && !ok {
		err = fmt.Errorf("image %s was evicted from the cache at once: %w", r.SHA256, virt.ErrBusy)
	}
	return image, err
}

func (c *Cache) fetch(ctx context.Context, u *url.URL, r Request) error {
	if err := c.acquire(ctx); err != nil {
		return err
	}
	defer c.releaseTransfer()
	packed, total, err := c.source.open(ctx, u)
	if err != nil {
		return err
	}
	defer packed.Close()
	f, err := os.CreateTemp(c.spool.dir, r.SHA256+"-*"+partEnding)
	if err != nil {
		return fmt.Errorf("create cached image: %w", err)
	}
	defer f.Close()
	log := logr.FromContextOrDiscard(ctx).WithValues(logkeys.Image, r.SHA256)
	log.V(1).Info("Downloading image", logkeys.Bytes, total)
	began := c.clock.Now()
	w := &spoolWriter{File: f, spool: c.spool, log: log}
	metered := &meter{Reader: packed, stage: StageDownload, total: total, report: r.Progress}
	err = verify(w, metered, r.SHA256)
	if err == nil {
		_, err = identifyFile(f)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(f.Name(), c.spool.path(r.SHA256))
	}
	if err != nil {
		c.spool.unreserve(w.size)
		return errors.Join(err, os.Remove(f.Name()))
	}
	c.spool.add(r.SHA256, w.size)
	log.V(1).Info("Downloaded image", logkeys.Bytes, w.size, logkeys.Duration, c.clock.Since(began))
	return nil
}

// verify unpacks the file to w. A wrong digest takes precedence over any other problem of the file.
func verify(w io.Writer, packed io.Reader, want string) error {
	digest := sha256.New()
	tee := io.TeeReader(packed, digest)
	err := unpackTo(w, tee)
	if source := (*SourceError)(nil); errors.As(err, &source) || errors.Is(err, ErrTooLarge) || isLocal(err) {
		return err
	}
	// Unpacking need not read all of a packed file; the digest is of all.
	if _, drainErr := io.Copy(io.Discard, tee); drainErr != nil {
		return drainErr
	}
	if got := hex.EncodeToString(digest.Sum(nil)); got != want {
		return &DigestMismatchError{Want: want, Got: got}
	}
	return err
}

// isLocal reports whether our own disk failed.
func isLocal(err error) bool {
	path := (*os.PathError)(nil)
	return errors.As(err, &path)
}

func unpackTo(w io.Writer, packed io.Reader) error {
	unpacked, err := unpack(packed)
	if err != nil {
		return err
	}
	defer unpacked.Close()
	if _, err := io.Copy(onlyWriter{w}, unpacked); err != nil {
		source, local := (*SourceError)(nil), isLocal(err)
		if errors.As(err, &source) || errors.Is(err, ErrTooLarge) || local {
			return err
		}
		return fmt.Errorf("%w: cannot be unpacked: %w", ErrNotAnImage, err)
	}
	return nil
}

// onlyWriter hides ReadFrom, which would bypass the accounting.
type onlyWriter struct{ io.Writer }
