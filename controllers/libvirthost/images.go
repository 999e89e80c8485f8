// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirthost

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/event"
	"github.com/altcos/cluster-api-provider-altcos/internal/imagecache"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// ImageCollector removes unused images from a host; *imagecache.Cache implements it.
type ImageCollector interface {
	// Collect returns the digests of the removed images, also together with an error.
	Collect(ctx context.Context, volumes virt.Volumes, o imagecache.Collection) (removed []string, err error)
}

// tidyImages removes unused images. That is housekeeping: its failure does not affect machines on the host.
func (r *Reconciler) tidyImages(ctx context.Context, s *scope) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if err := r.collectImages(ctx, s, r.ImageRetention); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Removing unused images")
		event.Emit(r.Recorder, s.host, corev1.EventTypeWarning, "ImagesNotCollected", "CollectImages",
			"unused images could not be listed or removed; see the manager's log for the error")
	}
}

// collectImages removes images that have been unused for at least unusedFor, and lists the others. An image is used when a
// disk is backed by it or a machine of the host needs it.
func (r *Reconciler) collectImages(ctx context.Context, s *scope, unusedFor time.Duration) error {
	wanted, err := r.wantedImages(ctx, s.host)
	if err != nil {
		return err
	}
	var errs []error
	for _, pool := range slices.Sorted(maps.Keys(wanted)) {
		if err := r.collectPool(ctx, s, pool, unusedFor, wanted[pool]); err != nil {
			errs = append(errs, fmt.Errorf("pool %q: %w", pool, err))
		}
	}
	s.imagesKnown = len(errs) == 0
	return errors.Join(errs...)
}

// wantedImages are the digests that machines need, by pool. It has every pool that may hold images: the host's default,
// those of machines, and those that had images last time.
func (r *Reconciler) wantedImages(ctx context.Context, host *infrav1.LibvirtHost) (map[string]map[string]bool, error) {
	machines := &infrav1.LibvirtMachineList{}
	if err := r.Client.List(ctx, machines, machinesOn(host.Name)); err != nil {
		return nil, fmt.Errorf("list LibvirtMachines on host %q: %w", host.Name, err)
	}
	wanted := map[string]map[string]bool{inventory.StoragePool(host): {}}
	for _, image := range host.Status.Images {
		wanted[image.Pool] = map[string]bool{}
	}
	for _, machine := range machines.Items {
		pool := inventory.PoolOf(&machine, host)
		if wanted[pool] == nil {
			wanted[pool] = map[string]bool{}
		}
		wanted[pool][strings.ToLower(machine.Spec.Image.SHA256)] = true
	}
	return wanted, nil
}

func (r *Reconciler) collectPool(ctx context.Context, s *scope, pool string, unusedFor time.Duration, wanted map[string]bool) error {
	if pool != inventory.StoragePool(s.host) { // that one has been checked
		_, err := s.conn.Pool(ctx, pool)
		if errors.Is(err, virt.ErrNotFound) || errors.Is(err, virt.ErrInvalid) {
			return nil // the machine that uses the pool reports it
		}
		if err != nil {
			return err
		}
	}
	removed, err := r.Images.Collect(ctx, s.conn, imagecache.Collection{
		Host: s.host.Name, Pool: pool, UnusedFor: unusedFor, Wanted: func(sha256 string) bool { return wanted[sha256] },
	})
	if len(removed) > 0 {
		event.Emit(r.Recorder, s.host, corev1.EventTypeNormal, "ImagesRemoved", "CollectImages",
			fmt.Sprintf("removed unused images %v", removed))
	}
	if err != nil {
		return err
	}
	images, err := imagecache.Images(ctx, s.conn, pool)
	s.images = append(s.images, images...)
	return err
}

// maxImages is the limit of the API.
const maxImages = 64

// cachedImages are the completely imported images.
func cachedImages(images []imagecache.Image) []infrav1.CachedImage {
	var cached []infrav1.CachedImage
	for _, image := range images {
		if image.Complete && len(cached) < maxImages {
			cached = append(cached, infrav1.CachedImage{
				Pool: image.Pool, SHA256: image.SHA256, Disks: ptr.To(int32(image.Users)),
				Size: resource.NewQuantity(image.Volume.PhysicalBytes, resource.BinarySI),
			})
		}
	}
	return cached
}
