// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster

import (
	"context"
	"net/netip"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/ipam"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
)

// defaultPort is the endpoint's port when none is given: that of ALT's manual, which leaves 6443 to the machines.
const defaultPort = 8443

// determineEndpoint completes spec.controlPlaneEndpoint. The Cluster's endpoint takes precedence, since it must not change
// once it is set.
func (r *Reconciler) determineEndpoint(ctx context.Context, s *scope) error {
	endpoint := &s.lc.Spec.ControlPlaneEndpoint
	if s.cluster.Spec.ControlPlaneEndpoint.IsValid() {
		endpoint.Host, endpoint.Port = s.cluster.Spec.ControlPlaneEndpoint.Host, s.cluster.Spec.ControlPlaneEndpoint.Port
	}
	if endpoint.Port == 0 {
		endpoint.Port = defaultPort
	}
	if endpoint.Host == "" {
		if err := r.claimEndpoint(ctx, s); err != nil {
			return err
		}
	}
	if managed(s.lc) {
		if _, err := netip.ParseAddr(endpoint.Host); err != nil {
			return outcome.Terminalf(infrav1.LibvirtClusterEndpointInvalidReason,
				"spec.controlPlaneEndpoint.host: %q must be an IP address, since the load balancer is Managed", endpoint.Host)
		}
	}
	return nil
}

// managed reports whether we run the load balancer.
func managed(lc *infrav1.LibvirtCluster) bool {
	return lc.Spec.LoadBalancer.Mode != infrav1.LoadBalancerExternal
}

// claimEndpoint claims the virtual address from the pool in the spec.
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

// releaseEndpoint releases the virtual address, which no host holds any more.
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
