// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package imagecache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

var errIdle = errors.New("no data was received for too long")

// source opens URLs.
type source struct {
	client   *http.Client
	fileRoot string
	idle     time.Duration
}

// open returns the bytes at the URL as they are, and their number or -1.
func (s *source) open(ctx context.Context, u *url.URL) (io.ReadCloser, int64, error) {
	if u.Scheme == "file" {
		return s.openFile(u)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	watchdog := time.AfterFunc(s.idle, func() { cancel(errIdle) })
	stop := func() {
		watchdog.Stop()
		cancel(context.Canceled)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		stop()
		return nil, 0, newSourceError(u, 0, err)
	}
	// Otherwise the transport would unpack what a server labels as gzip, and the digest would not match.
	request.Header.Set("Accept-Encoding", "identity")
	response, err := s.client.Do(request)
	if err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, errIdle) {
			err = cause
		}
		stop()
		return nil, 0, newSourceError(u, 0, err)
	}
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		stop()
		return nil, 0, newSourceError(u, response.StatusCode, fmt.Errorf("server answers %s", response.Status))
	}
	body := &watchedBody{ReadCloser: response.Body, ctx: ctx, url: u, idle: s.idle, watchdog: watchdog, stop: stop}
	return body, response.ContentLength, nil
}

func (s *source) openFile(u *url.URL) (io.ReadCloser, int64, error) {
	if s.fileRoot == "" {
		return nil, 0, fmt.Errorf("%w: file URLs are disabled", ErrInvalidRequest)
	}
	// A Root follows no link out of the directory.
	relative, err := filepath.Rel(s.fileRoot, filepath.Clean(u.Path))
	if err != nil || !filepath.IsLocal(relative) {
		return nil, 0, fmt.Errorf("%w: the file is not in the directory of images", ErrInvalidRequest)
	}
	f, err := os.OpenInRoot(s.fileRoot, relative)
	if err != nil {
		return nil, 0, newSourceError(u, 0, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		_ = f.Close()
		return nil, 0, newSourceError(u, 0, err)
	}
	return f, info.Size(), nil
}

// watchedBody ends when no data is received for a while.
type watchedBody struct {
	io.ReadCloser
	ctx      context.Context //nolint:containedctx // of the request that the body belongs to
	url      *url.URL
	idle     time.Duration
	watchdog *time.Timer
	stop     func()
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.watchdog.Reset(b.idle)
	}
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	if cause := context.Cause(b.ctx); errors.Is(cause, errIdle) {
		err = cause
	}
	return n, newSourceError(b.url, 0, err)
}

func (b *watchedBody) Close() error {
	b.stop()
	return b.ReadCloser.Close()
}
