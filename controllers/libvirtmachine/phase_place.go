// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/logkeys"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/placement"
)

// retryPlacement catches changes of what is not watched: labels of namespaces.
const retryPlacement = 5 * time.Minute

// place chooses the host. Identity, host and storage pool are stored together, and the Reconcile ends there: nothing is
// created before the API server has them. The pool is stored so that the machine's volumes are still found when the host's
// default pool changes.
func (r *Reconciler) place(ctx context.Context, s *scope) error {
	if err := r.readHost(ctx, s); err != nil {
		return err
	}
	if s.lm.Spec.ProviderID == "" || s.vm.Host == nil {
		if err := r.choose(ctx, s); err != nil {
			return err
		}
		s.specChanged = true
		if err := r.readHost(ctx, s); err != nil {
			return err
		}
	}
	if s.lm.Spec.StoragePool == "" {
		s.lm.Spec.StoragePool = inventory.StoragePool(s.vm.Host)
		s.specChanged = true
	}
	return nil
}

// readHost reads the host in the spec, if there is one.
func (r *Reconciler) readHost(ctx context.Context, s *scope) error {
	if s.lm.Spec.Host == "" {
		return nil
	}
	host := &infrav1.LibvirtHost{}
	err := r.Client.Get(ctx, client.ObjectKey{Name: s.lm.Spec.Host}, host)
	if apierrors.IsNotFound(err) {
		return outcome.Blockedf(infrav1.LibvirtMachineHostUnknownReason, 0,
			"LibvirtHost %q of spec.host does not exist; create it, or delete the Machine", s.lm.Spec.Host)
	}
	if err != nil {
		return fmt.Errorf("read LibvirtHost %q: %w", s.lm.Spec.Host, err)
	}
	s.vm.Host = host
	return nil
}

// awaitSpecStored ends a Reconcile that changed the spec; the change itself wakes the next one.
func (r *Reconciler) awaitSpecStored(_ context.Context, s *scope) error {
	if s.specChanged {
		return outcome.Waitf(infrav1.LibvirtMachineWaitingReason, 0, "storing host %q in the spec", s.lm.Spec.Host)
	}
	return nil
}

// choose lets the ledger take the snapshot, so that no decision is based on one older than a choice it has forgotten.
func (r *Reconciler) choose(ctx context.Context, s *scope) error {
	request, err := newRequest(s)
	if err != nil {
		return err
	}
	decision, err := r.Ledger.Decide(func() (placement.Snapshot, error) { return r.snapshot(ctx, s) }, request)
	if noFit, ok := errors.AsType[*placement.NoFit](err); ok {
		return outcome.Blockedf(infrav1.LibvirtMachineNoHostFitsReason, retryPlacement, "%s", noFit)
	}
	if err != nil {
		return fmt.Errorf("choose host: %w", err)
	}
	ctrl.LoggerFrom(ctx).Info("Placing machine", logkeys.Host, decision.Host, logkeys.Reason, decision.Explanation)
	s.lm.Spec.ProviderID = s.providerID
	s.lm.Spec.Host = decision.Host
	return nil
}
