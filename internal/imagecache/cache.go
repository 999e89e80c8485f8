// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package imagecache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/altcos/cluster-api-provider-altcos/internal/keylock"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// Options configure a Cache. Only Dir is required.
type Options struct {
	// Dir holds unpacked images; it is made with mode 0700 and belongs to the cache alone.
	Dir string
	// MaxBytes bounds Dir; 0 means 20 GiB. The image used longest ago goes first.
	MaxBytes int64
	// FileRoot is the only directory that file URLs may point into; empty refuses them.
	FileRoot string
	// Client makes http and https requests; nil means http.DefaultClient.
	Client *http.Client
	// IdleTimeout ends a download that brings no byte for that long; 0 means a minute.
	IdleTimeout time.Duration
	// StaleAfter is how long an incomplete image must not have grown before it is taken for a ruin; 0 means 30 s.
	StaleAfter time.Duration
	// MaxTransfers bounds simultaneous downloads and uploads together; 0 means 4.
	MaxTransfers int
	// Clock is the time; nil means the real one.
	Clock clock.PassiveClock
}

// Request names an image and where it shall be.
type Request struct {
	// Host tells pools of the same name apart.
	Host string
	Pool string
	// URL is http, https or file. Its credentials and query never appear in an error.
	URL string
	// SHA256 is the digest of the file at the URL, packed as it is, in hex.
	SHA256 string
	// Format is the expected format of the unpacked image; empty takes what it is.
	Format virt.VolumeFormat
	// Progress is called now and then, from another goroutine; it must not block.
	Progress func(Progress)
}

// Stage is what a transfer does.
type Stage string

// Stages.
const (
	StageDownload Stage = "Download"
	StageUpload   Stage = "Upload"
)

// Progress is how far a transfer is, in bytes. Total is -1 when it is unknown.
type Progress struct {
	Stage       Stage
	Done, Total int64
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
	// growth is what was last seen of incomplete images, idle since when whole images have no use.
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

// Ensure returns the whole base volume of the image, transferring it first when it is missing. It takes as long as the
// transfer: call it in the background. Calls for the same image on the same host wait for each other. Errors:
// ErrInvalidRequest, ErrNotAnImage, ErrTooLarge, *DigestMismatchError, *SourceError, virt.ErrBusy while another manager
// seems to upload the image, and those of virt.Volumes: virt.ErrNoPool before anything is transferred.
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

// find returns the whole image, and clears away ruins.
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

// clear removes what is left of an image, or returns virt.ErrBusy as long as somebody may be uploading it.
func (c *Cache) clear(ctx context.Context, volumes virt.Volumes, key string, i Image) error {
	if i.Volume.Name == "" { // a marker alone
		return volumes.DeleteVolume(ctx, markerRef(i.Pool, i.SHA256))
	}
	// A volume that is uploaded has its length from the beginning; only what it takes of the disk tells that it grows.
	if !c.isStale(key, i.Volume.PhysicalBytes+i.Volume.AllocatedBytes) {
		return fmt.Errorf("image %s is incomplete, another manager may be uploading it: %w", i.SHA256, virt.ErrBusy)
	}
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

// acquire waits for one of the transfers that may run at a time.
func (c *Cache) acquire(ctx context.Context) error {
	select {
	case c.transfers <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for a free transfer: %w", ctx.Err())
	}
}

func (c *Cache) releaseTransfer() { <-c.transfers }

// touch says that somebody wants the image.
func (c *Cache) touch(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.idle, key)
}

// meter reports every 4 MiB and at the end.
type meter struct {
	io.Reader
	stage       Stage
	done, total int64
	reported    int64
	report      func(Progress)
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	m.done += int64(n)
	if m.report != nil && (m.done-m.reported >= 4<<20 || err != nil) {
		m.reported = m.done
		m.report(Progress{Stage: m.stage, Done: m.done, Total: m.total})
	}
	return n, err
}
