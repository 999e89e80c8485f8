// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/providerid"
	"github.com/altcos/cluster-api-provider-altcos/internal/vm"
)

// backendTimeout is how long a control plane machine waits to be removed from the load balancer. After that it is deleted
// anyway: a load balancer that cannot be changed must not keep machines, and health checks take out a deleted one.
const backendTimeout = 5 * time.Minute

// releaseBackend waits until the load balancer sends the machine no new connections. The LibvirtCluster controller removes
// backends whose machines are being deleted.
func (r *Reconciler) releaseBackend(_ context.Context, s *scope) error {
	if !s.isControlPlane() || s.infra == nil || !s.infra.DeletionTimestamp.IsZero() ||
		s.infra.Spec.LoadBalancer.Mode == infrav1.LoadBalancerExternal {
		return nil
	}
	listed := slices.ContainsFunc(s.infra.Status.LoadBalancer.Backends, func(b infrav1.LoadBalancerBackendStatus) bool {
		return b.Name == s.lm.Name
	})
	left := backendTimeout - r.Clock.Since(s.lm.DeletionTimestamp.Time)
	if !listed || left <= 0 {
		return nil
	}
	return outcome.Waitf(infrav1.LibvirtMachineDeletingReason, left,
		"waiting for LibvirtCluster %q to remove the machine from the backends of its load balancer", s.infra.Name)
}

// removeMachine removes domain, then volumes and logs. A machine without identity or host never had them.
func (r *Reconciler) removeMachine(ctx context.Context, s *scope) error {
	uuid, err := providerid.Parse(s.lm.Spec.ProviderID)
	if err != nil || s.lm.Spec.Host == "" {
		return nil //nolint:nilerr // see above
	}
	s.vm.UUID, s.providerID = uuid, s.lm.Spec.ProviderID
	original, err := r.original(ctx, s)
	if err != nil {
		return err
	}
	if original != nil {
		ctrl.LoggerFrom(ctx).Info("Keeping the virtual machine, the object is a copy", "original", client.ObjectKeyFromObject(original))
		return nil
	}
	host := &infrav1.LibvirtHost{}
	err = r.Client.Get(ctx, client.ObjectKey{Name: s.lm.Spec.Host}, host)
	switch {
	case apierrors.IsNotFound(err) && vm.IsGivenUp(s.lm):
		return nil
	case apierrors.IsNotFound(err):
		return outcome.Blockedf(infrav1.LibvirtMachineHostUnknownReason, 0,
			"LibvirtHost %q does not exist, so the machine's resources on the host cannot be removed; create the LibvirtHost again, or abandon them with annotation %s=%s",
			s.lm.Spec.Host, infrav1.ForgetHostAnnotation, s.lm.Spec.Host)
	case err != nil:
		return fmt.Errorf("read LibvirtHost %q: %w", s.lm.Spec.Host, err)
	}
	s.vm.Host = host
	return s.vm.Remove(ctx)
}
