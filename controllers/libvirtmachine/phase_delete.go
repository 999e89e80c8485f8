// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/providerid"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// backendPatience is how long a control plane machine waits to be taken out of the load balancer. After that it goes
// anyway: its health check has failed for long, and a load balancer that cannot be changed must not keep machines alive.
const backendPatience = 5 * time.Minute

// releaseBackend waits until no new connection is sent to the machine. The LibvirtCluster controller leaves out machines
// that are being deleted.
func (r *Reconciler) releaseBackend(_ context.Context, s *scope) error {
	if !s.isControlPlane() || s.infra == nil || !s.infra.DeletionTimestamp.IsZero() ||
		s.infra.Spec.LoadBalancer.Mode == infrav1.LoadBalancerExternal {
		return nil
	}
	listed := slices.ContainsFunc(s.infra.Status.LoadBalancer.Backends, func(b infrav1.LoadBalancerBackendStatus) bool {
		return b.Name == s.lm.Name
	})
	left := backendPatience - r.Clock.Since(s.lm.DeletionTimestamp.Time)
	if !listed || left <= 0 {
		return nil
	}
	return outcome.Waitf(infrav1.LibvirtMachineDeletingReason, left,
		"LibvirtCluster %q still has the machine as a backend of its load balancer", s.infra.Name)
}

// removeMachine removes domain, then volumes and logs. A machine without identity or host never had any.
func (r *Reconciler) removeMachine(ctx context.Context, s *scope) error {
	uuid, err := providerid.Parse(s.lm.Spec.ProviderID)
	if err != nil || s.lm.Spec.Host == "" {
		return nil //nolint:nilerr // see above
	}
	s.uuid, s.providerID = uuid, s.lm.Spec.ProviderID
	original, err := r.original(ctx, s)
	if err != nil {
		return err
	}
	if original != nil {
		ctrl.LoggerFrom(ctx).Info("Leaving the virtual machine alone, the object is a copy", "original", client.ObjectKeyFromObject(original))
		return nil
	}
	host := &infrav1.LibvirtHost{}
	err = r.Client.Get(ctx, client.ObjectKey{Name: s.lm.Spec.Host}, host)
	switch {
	case apierrors.IsNotFound(err) && isForgotten(s.lm):
		return nil
	case apierrors.IsNotFound(err):
		return outcome.Blockedf(infrav1.LibvirtMachineHostUnknownReason, 0,
			"LibvirtHost %q is gone, so what the machine has there cannot be removed; create the LibvirtHost again, or give it up with annotation %s=%s",
			s.lm.Spec.Host, infrav1.ForgetHostAnnotation, s.lm.Spec.Host)
	case err != nil:
		return fmt.Errorf("read LibvirtHost %q: %w", s.lm.Spec.Host, err)
	}
	s.host = host
	err = r.removeFromHost(ctx, s)
	if blocked, ok := outcome.AsBlocked(err); ok && isForgettable(blocked.Reason) && isForgotten(s.lm) {
		ctrl.LoggerFrom(ctx).Info("Forgetting what the machine has on its host", "LibvirtHost", s.lm.Spec.Host, "because", blocked.Message)
		return nil
	}
	return err
}

// isForgettable reports whether a removal that is blocked by this may be given up by a person's word.
func isForgettable(reason string) bool {
	return reason == infrav1.LibvirtMachineHostUnreachableReason || reason == infrav1.LibvirtMachineStoragePoolMissingReason
}

// isForgotten says whether a person declared the machine's host dead.
func isForgotten(lm *infrav1.LibvirtMachine) bool {
	return lm.Spec.Host != "" && lm.Annotations[infrav1.ForgetHostAnnotation] == lm.Spec.Host
}

func (r *Reconciler) removeFromHost(ctx context.Context, s *scope) error {
	if err := r.connect(ctx, s); err != nil {
		return err
	}
	err := s.conn.RemoveDomain(ctx, s.uuid, s.owner())
	if errors.Is(err, virt.ErrForeign) { // none of ours: ours was never defined
		domain, err := s.conn.Domain(ctx, s.uuid)
		if err != nil {
			return hostError(s, err)
		}
		if domain.Owner.UID == s.uuid { // its volumes have the names of ours
			ctrl.LoggerFrom(ctx).Info("Leaving the virtual machine alone, the object is a copy", "domain", domain.Name, "owner", domain.Owner)
			return nil
		}
	} else if err != nil {
		return hostError(s, err)
	}
	defined := err == nil
	err = removeVolumes(ctx, s)
	if blocked, ok := outcome.AsBlocked(err); ok && blocked.Reason == infrav1.LibvirtMachineStoragePoolMissingReason && isForgotten(s.lm) {
		err = nil // the volumes are given up; the logs need not be
	}
	if err != nil || !defined {
		return err
	}
	return r.removeLogs(ctx, s)
}

// removeVolumes removes everything in the machine's pool that has its name.
func removeVolumes(ctx context.Context, s *scope) error {
	volumes, err := s.conn.ListVolumes(ctx, s.pool())
	if errors.Is(err, virt.ErrNoPool) { // a pool that comes back brings disks and secrets with it
		return outcome.Blockedf(infrav1.LibvirtMachineStoragePoolMissingReason, retrySlow,
			"host %q has no storage pool %q, so the machine's volumes in it cannot be removed; define and start it, or give them up with annotation %s=%s",
			s.lm.Spec.Host, s.pool(), infrav1.ForgetHostAnnotation, s.lm.Spec.Host)
	}
	if err != nil {
		return hostError(s, err)
	}
	var errs []error
	for _, v := range volumes {
		if isVolumeOf(s.uuid, v.Name) {
			errs = append(errs, hostError(s, s.conn.DeleteVolume(ctx, v.VolumeRef)))
		}
	}
	return errors.Join(errs...)
}
