// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package imagecache

import (
	"errors"
	"fmt"
	"net/url"
)

var (
	// ErrNotAnImage means that the file is not a disk image that may be booted: neither qcow2 2/3 without references to
	// other files nor a raw disk with a partition table. Only another image helps.
	ErrNotAnImage = errors.New("not a disk image")
	// ErrTooLarge means that the unpacked image does not fit the cache directory of the manager.
	ErrTooLarge = errors.New("image is larger than the image cache of the manager")
	// ErrInvalidRequest means that URL or digest is malformed. Only a change of the spec helps.
	ErrInvalidRequest = errors.New("invalid image request")
)

// DigestMismatchError means that the file does not have the digest in the spec. Only a change of the spec or of the file
// helps.
type DigestMismatchError struct {
	// Want and Got are sha256 sums in hex.
	Want, Got string
}

// Error implements error.
func (e *DigestMismatchError) Error() string {
	return fmt.Sprintf("sha256 of the file is %s, want %s", e.Got, e.Want)
}

// SourceError means that the file could not be read. It may be temporary.
type SourceError struct {
	// Location is the URL without credentials and query.
	Location string
	// Status is the HTTP status, 0 when there was no answer.
	Status int
	Err    error
}

// Error implements error.
func (e *SourceError) Error() string { return fmt.Sprintf("read image %s: %v", e.Location, e.Err) }

// Unwrap returns the cause.
func (e *SourceError) Unwrap() error { return e.Err }

func newSourceError(u *url.URL, status int, err error) *SourceError {
	// The client's own error repeats the URL with its query, which has the tokens of signed URLs.
	if inner := (*url.Error)(nil); errors.As(err, &inner) {
		err = inner.Err
	}
	return &SourceError{Location: location(u), Status: status, Err: err}
}

// location is the part of a URL that may be shown.
func location(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
