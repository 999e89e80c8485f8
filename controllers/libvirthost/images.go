// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirthost

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/hostaccess"
	"github.com/altcos/cluster-api-provider-altcos/internal/hostprep"
	"github.com/altcos/cluster-api-provider-altcos/internal/imagecache"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// ImageCollector removes images that nobody needs from a host; *imagecache.Cache does.
type ImageCollector interface {
	// Collect returns the digests of what it removed, also when it fails later on.
	Collect(ctx context.Context, volumes virt.Volumes, o imagecache.Collection) (removed []string, err error)
}

// collectImages removes images that no disk on the host stands on and no machine of the host asks for, once that has been
// so for unusedFor.
func (r *Reconciler) collectImages(ctx context.Context, s *scope, unusedFor time.Duration) error {
	machines := &infrav1.LibvirtMachineList{}
	if err := r.Client.List(ctx, machines, machinesOn(s.host.Name)); err != nil {
		return fmt.Errorf("list LibvirtMachines on host %q: %w", s.host.Name, err)
	}
	wanted := map[string]bool{}
	for _, machine := range machines.Items {
		wanted[machine.Spec.Image.SHA256] = true
	}
	removed, err := r.Images.Collect(ctx, s.conn, imagecache.Collection{
		Host: s.host.Name, Pool: hostaccess.StoragePool(s.host), UnusedFor: unusedFor,
		Wanted: func(sha256 string) bool { return wanted[sha256] },
	})
	if len(removed) > 0 {
		r.Recorder.Eventf(s.host, nil, corev1.EventTypeNormal, "ImagesRemoved", "CollectImages", "removed unused images %v", removed)
	}
	return err
}

// release takes what is ours off a host that leaves the inventory. A host that cannot be reached is let go, since its
// machines and load balancers are gone from our books by now; an event tells what may be left on it.
func (r *Reconciler) release(ctx context.Context, s *scope) error {
	err := r.connect(ctx, s)
	if _, about := s.results[reachable]; err != nil && about {
		r.Recorder.Eventf(s.host, nil, corev1.EventTypeWarning, "HostLeftAsItIs", "Release",
			"the host cannot be reached; cached images in pool %s and %s may be left on it", hostaccess.StoragePool(s.host), hostprep.SysctlFile)
		return nil
	}
	if err != nil {
		return err
	}
	if r.checkStorage(ctx, s) == nil {
		if err := r.collectImages(ctx, s, 0); err != nil {
			return err
		}
	}
	if !hostaccess.HasShell(s.host) || s.host.Spec.KernelParameters != infrav1.HostSetupManage {
		return nil
	}
	shell, err := r.Shells.Shell(ctx, s.target)
	if err != nil {
		return fmt.Errorf("open shell on host %q: %w", s.host.Name, err)
	}
	return hostprep.Forget(ctx, shell)
}
