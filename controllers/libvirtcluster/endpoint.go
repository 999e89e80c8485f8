// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster

import (
	"context"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/ipam"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
)

// claimEndpoint takes the virtual address from the pool that the user named.
func (r *Reconciler) claimEndpoint(ctx context.Context, s *scope) error {
	ref := s.lc.Spec.LoadBalancer.AddressPoolRef
	if ref.Name == "" {
		return outcome.Blockedf(infrav1.LibvirtClusterEndpointMissingReason, 0,
			"neither spec.controlPlaneEndpoint.host nor spec.loadBalancer.addressPoolRef is set; set one of them")
	}
	claim, err := ipam.EnsureClaim(ctx, r.Client, s.claimOwner(), ipam.VIPClaimName(s.cluster.Name), ref)
	if err != nil {
		return err
	}
	address, err := ipam.ReadAddress(ctx, r.Client, claim)
	if err != nil {
		return err
	}
	s.lc.Spec.ControlPlaneEndpoint.Host = address.Prefix.Addr().String()
	return nil
}

// releaseEndpoint gives the virtual address back, after no host holds it any more.
func (r *Reconciler) releaseEndpoint(ctx context.Context, s *scope) error {
	owner := s.claimOwner()
	if owner.ClusterName == "" {
		return nil
	}
	return ipam.Release(ctx, r.Client, owner)
}

func (s *scope) claimOwner() ipam.Owner {
	return ipam.Owner{Object: s.lc, ClusterName: s.clusterName(), Finalizer: ipam.ClusterFinalizer}
}
