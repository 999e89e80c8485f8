// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package imagecache

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

const (
	namePrefix   = "img-"
	markerSuffix = ".ok"
)

// Image is an image in a pool.
type Image struct {
	SHA256 string
	Pool   string
	// Complete means that the image was uploaded as a whole. An incomplete one may be growing.
	Complete bool
	// Volume is zero when only the marker is left.
	Volume virt.Volume
	// Users counts the volumes of the pool that it backs.
	Users int
}

func volumeName(sha string, format virt.VolumeFormat) string {
	return namePrefix + sha + "." + string(format)
}

func markerRef(pool, sha string) virt.VolumeRef {
	return virt.VolumeRef{Pool: pool, Name: namePrefix + sha + markerSuffix}
}

// splitName returns digest and ending of a volume of ours.
func splitName(name string) (sha, ending string, ok bool) {
	rest, ok := strings.CutPrefix(name, namePrefix)
	if !ok || len(rest) < 64 || !isDigest(rest[:64]) {
		return "", "", false
	}
	switch rest[64:] {
	case markerSuffix, ".qcow2", ".raw":
		return rest[:64], rest[64:], true
	}
	return "", "", false
}

func isDigest(s string) bool {
	decoded, err := hex.DecodeString(s)
	return err == nil && len(decoded) == 32 && s == strings.ToLower(s)
}

// parse validates the request and returns its URL.
func (r Request) parse() (*url.URL, error) {
	if !isDigest(strings.ToLower(r.SHA256)) {
		return nil, fmt.Errorf("%w: sha256 needs 64 hexadecimal digits", ErrInvalidRequest)
	}
	u, err := url.Parse(r.URL)
	if err != nil { // the error would repeat the URL
		return nil, fmt.Errorf("%w: URL cannot be parsed", ErrInvalidRequest)
	}
	switch u.Scheme {
	case "http", "https":
		if u.Host != "" {
			return u, nil
		}
	case "file":
		if u.Host == "" && u.Path != "" {
			return u, nil
		}
	}
	return nil, fmt.Errorf("%w: URL must be http, https or file, with a host or a path", ErrInvalidRequest)
}

func (r Request) key() string { return key(r.Host, r.Pool, r.SHA256) }

func key(host, pool, sha string) string { return host + "\x00" + pool + "\x00" + sha }

// Images lists the images in a pool in order of their digests.
func Images(ctx context.Context, volumes virt.Volumes, pool string) ([]Image, error) {
	list, err := volumes.ListVolumes(ctx, pool)
	if err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	found := map[string]*Image{}
	users := map[string]int{}
	for _, v := range list {
		if v.BackingPath != "" {
			users[v.BackingPath]++
		}
		sha, ending, ok := splitName(v.Name)
		if !ok {
			continue
		}
		if found[sha] == nil {
			found[sha] = &Image{SHA256: sha, Pool: pool}
		}
		if ending == markerSuffix {
			found[sha].Complete = true
		} else {
			found[sha].Volume = v
		}
	}
	images := make([]Image, 0, len(found))
	for _, i := range found {
		i.Complete = i.Complete && i.Volume.Name != ""
		if i.Volume.Path != "" {
			i.Users = users[i.Volume.Path]
		}
		images = append(images, *i)
	}
	slices.SortFunc(images, func(a, b Image) int { return strings.Compare(a.SHA256, b.SHA256) })
	return images, nil
}

// Collection is what may be removed.
type Collection struct {
	Host string
	Pool string
	// Wanted reports whether a machine needs the image, although it backs no disk yet.
	Wanted func(sha256 string) bool
	// UnusedFor is how long an image must have been unused, as observed by this process.
	UnusedFor time.Duration
}

// Collect removes images that back no disk and that no machine needs, and abandoned uploads. It returns the digests of the
// removed images, also when it fails later on. An image that the host does not remove because it is in use is not an error.
func (c *Cache) Collect(ctx context.Context, volumes virt.Volumes, o Collection) (removed []string, err error) {
	images, err := Images(ctx, volumes, o.Pool)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, i := range images {
		gone, err := c.collect(ctx, volumes, o, i)
		if err != nil {
			errs = append(errs, fmt.Errorf("collect image %s: %w", i.SHA256, err))
		}
		if gone {
			removed = append(removed, i.SHA256)
		}
	}
	return removed, errors.Join(errs...)
}

func (c *Cache) collect(ctx context.Context, volumes virt.Volumes, o Collection, i Image) (bool, error) {
	k := key(o.Host, o.Pool, i.SHA256)
	if i.Users > 0 || o.Wanted(i.SHA256) {
		c.touch(k)
		return false, nil
	}
	if !c.isIdle(k, o.UnusedFor) {
		return false, nil
	}
	unlock, err := c.locks.Lock(ctx, k)
	if err != nil {
		return false, err
	}
	defer unlock()
	if !c.isIdle(k, o.UnusedFor) { // Ensure was called in the meantime
		return false, nil
	}
	if !i.Complete {
		err := c.clear(ctx, volumes, k, i)
		return err == nil, ignore(err, virt.ErrBusy, virt.ErrInUse)
	}
	// The marker first: an image without it is never used, a marker without image would announce one.
	if err := volumes.DeleteVolume(ctx, markerRef(o.Pool, i.SHA256)); err != nil {
		return false, ignore(err, virt.ErrBusy, virt.ErrInUse)
	}
	if err := volumes.DeleteVolume(ctx, i.Volume.VolumeRef); err != nil {
		if errors.Is(err, virt.ErrInUse) { // it got a user in the meantime and is still whole
			return false, writeMarker(ctx, volumes, o.Pool, i.SHA256)
		}
		return false, ignore(err, virt.ErrBusy)
	}
	c.touch(k)
	return true, nil
}

func (c *Cache) isIdle(key string, unusedFor time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	since, ok := c.idle[key]
	if !ok {
		c.idle[key], since = now, now
	}
	return now.Sub(since) >= unusedFor
}

func ignore(err error, expected ...error) error {
	for _, e := range expected {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}
