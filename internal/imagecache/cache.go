// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package imagecache

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/altcos/cluster-api-provider-altcos/internal/keylock"
	"github.com/altcos/cluster-api-provider-altcos/internal/logkeys"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// Options configure a Cache. Only Dir is required.
type Options struct {
	// Dir holds unpacked images; it is created with mode 0700 and belongs to the cache alone.
	Dir string
	// MaxBytes bounds Dir; 0 means 20 GiB. The least recently used image is evicted first.
	MaxBytes int64
	// FileRoot is the only directory that file URLs may point into; empty refuses them.
	FileRoot string
	// Client makes http and https requests; nil means http.DefaultClient.
	Client *http.Client
	// IdleTimeout ends a download that gets no data for that long; 0 means a minute.
	IdleTimeout time.Duration
	// StaleAfter is how long an incomplete image must not have grown before it is treated as abandoned; 0 means 30 s.
	StaleAfter time.Duration
	// MaxTransfers bounds simultaneous downloads and uploads together; 0 means 4.
	MaxTransfers int
	// Clock is the time; nil means the real one.
	Clock clock.PassiveClock
}

// Request is an image and where it should be.
type Request struct {
	// Host distinguishes pools of the same name.
	Host string
	Pool string
	// URL is http, https or file. Its credentials and query never appear in an error.
	URL string
	// SHA256 is the digest of the file at the URL, packed as it is, in hex.
	SHA256 string
	// Format is the expected format of the unpacked image; empty accepts any.
	Format virt.VolumeFormat
	// Progress is called now and then, from another goroutine; it must not block.
	Progress func(Progress)
}

// Cache puts images on hosts.
type Cache struct {
	spool     *spool
	source    *source
	clock     clock.PassiveClock
	stale     time.Duration
	transfers chan struct{}
	locks     keylock.Locks

	mu sync.Mutex
	// growth is the last observation of incomplete images, idle the time since when whole images are unused.
	growth map[string]growth
	idle   map[string]time.Time
}

type growth struct {
	bytes int64
	since time.Time
}

// New returns a cache over the directory, and removes unfinished downloads of an earlier process from it.
func New(o Options) (*Cache, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = 20 << 30
	}
	if o.Client == nil {
		o.Client = http.DefaultClient
	}
	if o.IdleTimeout == 0 {
		o.IdleTimeout = time.Minute
	}
	if o.StaleAfter == 0 {
		o.StaleAfter = 30 * time.Second
	}
	if o.MaxTransfers == 0 {
		o.MaxTransfers = 4
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	s, err := newSpool(o.Dir, o.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("open image cache %q: %w", o.Dir, err)
	}
	return &Cache{
		spool:     s,
		source:    &source{client: o.Client, fileRoot: o.FileRoot, idle: o.IdleTimeout},
		clock:     o.Clock,
		stale:     o.StaleAfter,
		transfers: make(chan struct{}, o.MaxTransfers),
		growth:    map[string]growth{},
		idle:      map[string]time.Time{},
	}, nil
}

// Ensure returns the whole base volume of the image and transfers it first when it is missing. It takes as long as the
// transfer: call it in the background. Calls for the same image on the same host wait for each other. Errors:
// ErrInvalidRequest, ErrNotAnImage, ErrTooLarge, *DigestMismatchError, *SourceError, virt.ErrBusy while another manager may
// be uploading the image, and those of virt.Volumes: virt.ErrNoPool before anything is transferred.
func (c *Cache) Ensure(ctx context.Context, volumes virt.Volumes, r Request) (virt.Volume, error) {
	location, err := r.parse()
	if err != nil {
		return virt.Volume{}, err
	}
	r.SHA256 = strings.ToLower(r.SHA256)
	unlock, err := c.locks.Lock(ctx, r.key())
	if err != nil {
		return virt.Volume{}, fmt.Errorf("wait for image %s: %w", r.SHA256, err)
	}
	defer unlock()
	c.touch(r.key())
	if v, found, err := c.find(ctx, volumes, r); err != nil || found {
		return v, err
	}
	image, err := c.download(ctx, location, r)
	if err != nil {
		return virt.Volume{}, err
	}
	defer image.Close()
	return c.upload(ctx, volumes, image, r)
}

// Lookup returns the whole base volume of the image if it is on the host. It transfers nothing. Errors:
// ErrInvalidRequest, virt.ErrNotFound, and those of virt.Volumes, virt.ErrNoPool among them.
func (c *Cache) Lookup(ctx context.Context, volumes virt.Volumes, r Request) (virt.Volume, error) {
	if _, err := r.parse(); err != nil {
		return virt.Volume{}, err
	}
	r.SHA256 = strings.ToLower(r.SHA256)
	images, err := Images(ctx, volumes, r.Pool)
	if err != nil {
		return virt.Volume{}, err
	}
	for _, i := range images {
		if i.SHA256 == r.SHA256 && i.Complete {
			c.touch(r.key())
			return i.Volume, nil
		}
	}
	return virt.Volume{}, fmt.Errorf("find image %s in pool %q: %w", r.SHA256, r.Pool, virt.ErrNotFound)
}

// find returns the whole image, and removes an abandoned one.
func (c *Cache) find(ctx context.Context, volumes virt.Volumes, r Request) (v virt.Volume, found bool, err error) {
	images, err := Images(ctx, volumes, r.Pool)
	if err != nil {
		return virt.Volume{}, false, err
	}
	for _, i := range images {
		if i.SHA256 != r.SHA256 {
			continue
		}
		if i.Complete {
			return i.Volume, true, nil
		}
		if err := c.clear(ctx, volumes, r.key(), i); err != nil {
			return virt.Volume{}, false, err
		}
	}
	return virt.Volume{}, false, nil
}

// clear removes an abandoned image, or returns virt.ErrBusy as long as another manager may be uploading it.
func (c *Cache) clear(ctx context.Context, volumes virt.Volumes, key string, i Image) error {
	if i.Volume.Name == "" { // a marker alone
		return volumes.DeleteVolume(ctx, markerRef(i.Pool, i.SHA256))
	}
	// A volume has its full length from the beginning of an upload; only its use of the disk shows that it grows.
	if !c.isStale(key, i.Volume.PhysicalBytes+i.Volume.AllocatedBytes) {
		return fmt.Errorf("image %s is incomplete, another manager may be uploading it: %w", i.SHA256, virt.ErrBusy)
	}
	logr.FromContextOrDiscard(ctx).V(1).Info("Removing incomplete image", logkeys.Pool, i.Pool, logkeys.Image, i.SHA256)
	if err := volumes.DeleteVolume(ctx, i.Volume.VolumeRef); err != nil {
		return fmt.Errorf("remove incomplete image: %w", err)
	}
	return nil
}

func (c *Cache) isStale(key string, bytes int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	seen, ok := c.growth[key]
	if !ok || seen.bytes != bytes {
		c.growth[key] = growth{bytes, now}
		return false
	}
	if now.Sub(seen.since) < c.stale {
		return false
	}
	delete(c.growth, key)
	return true
}

func (c *Cache) upload(ctx context.Context, volumes virt.Volumes, image *spooled, r Request) (virt.Volume, error) {
	if r.Format != "" && r.Format != image.format {
		return virt.Volume{}, fmt.Errorf("%w: it is %s, not %s", ErrNotAnImage, image.format, r.Format)
	}
	if err := c.acquire(ctx); err != nil {
		return virt.Volume{}, err
	}
	defer c.releaseTransfer()
	log := logr.FromContextOrDiscard(ctx).WithValues(logkeys.Pool, r.Pool, logkeys.Image, r.SHA256, logkeys.Bytes, image.size)
	log.V(1).Info("Uploading image")
	began := c.clock.Now()
	content := &meter{Reader: image, stage: StageUpload, total: image.size, report: r.Progress}
	ref := virt.VolumeRef{Pool: r.Pool, Name: volumeName(r.SHA256, image.format)}
	v, err := volumes.WriteVolume(ctx, virt.VolumeSpec{VolumeRef: ref, Format: image.format}, content, image.size)
	if errors.Is(err, virt.ErrExists) {
		return virt.Volume{}, fmt.Errorf("another manager began to upload image %s: %w", r.SHA256, virt.ErrBusy)
	}
	if err != nil {
		return virt.Volume{}, fmt.Errorf("upload image %s: %w", r.SHA256, err)
	}
	if err := writeMarker(ctx, volumes, r.Pool, r.SHA256); err != nil {
		return virt.Volume{}, err
	}
	log.V(1).Info("Uploaded image", logkeys.Duration, c.clock.Since(began))
	return v, nil
}

func writeMarker(ctx context.Context, volumes virt.Volumes, pool, sha string) error {
	const text = "whole\n"
	spec := virt.VolumeSpec{VolumeRef: markerRef(pool, sha), Format: virt.VolumeRaw}
	_, err := volumes.WriteVolume(ctx, spec, strings.NewReader(text), int64(len(text)))
	if err != nil && !errors.Is(err, virt.ErrExists) {
		return fmt.Errorf("mark image %s as whole: %w", sha, err)
	}
	return nil
}

// acquire waits until one more transfer may run.
func (c *Cache) acquire(ctx context.Context) error {
	select {
	case c.transfers <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for a free transfer: %w", ctx.Err())
	}
}

func (c *Cache) releaseTransfer() { <-c.transfers }

// touch records that the image is in use.
func (c *Cache) touch(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.idle, key)
}
