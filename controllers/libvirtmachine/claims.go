// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"cmp"
	"context"
	"errors"
	"time"

	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/ipam"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
)

// What an empty group and kind of a pool mean.
const (
	defaultPoolGroup = "ipam.cluster.x-k8s.io"
	defaultPoolKind  = "InClusterIPPool"
)

// claimAddresses determines all addresses of the machine: static ones, and one of each pool. With DHCP there are none to
// know. All claims are made before the first is waited for.
func (r *Reconciler) claimAddresses(ctx context.Context, s *scope) error {
	nics, err := interfaces(s.lm, s.infra, s.uuid)
	if err != nil {
		return err
	}
	var claims [][]*ipamv1.IPAddressClaim
	for i := range nics {
		made, err := r.claim(ctx, s, i, nics[i].spec.AddressPoolRefs)
		if err != nil {
			return addressError(err)
		}
		claims = append(claims, made)
	}
	for i := range nics {
		for _, claim := range claims[i] {
			address, err := ipam.ReadAddress(ctx, r.Client, claim)
			if err != nil {
				return addressError(err)
			}
			nics[i].addresses = append(nics[i].addresses, address.Prefix)
			nics[i].addGateway(address.Gateway)
		}
	}
	s.nics = nics
	return nil
}

// claim makes the claims of one interface.
func (r *Reconciler) claim(
	ctx context.Context, s *scope, nic int, pools []infrav1.AddressPoolReference,
) ([]*ipamv1.IPAddressClaim, error) {
	var claims []*ipamv1.IPAddressClaim
	for i, pool := range pools {
		ref := ipamv1.IPPoolReference{
			APIGroup: cmp.Or(pool.APIGroup, defaultPoolGroup), Kind: cmp.Or(pool.Kind, defaultPoolKind), Name: pool.Name,
		}
		claim, err := ipam.EnsureClaim(ctx, r.Client, s.claimOwner(), ipam.MachineClaimName(s.lm.Name, nic, i), ref)
		if err != nil {
			return nil, err
		}
		claims = append(claims, claim)
	}
	return claims, nil
}

func (s *scope) claimOwner() ipam.Owner {
	return ipam.Owner{Object: s.lm, ClusterName: s.clusterName(), Finalizer: ipam.MachineFinalizer}
}

// addressError gives the reasons of our conditions to what the claims returned.
func addressError(err error) error {
	if wait, ok := outcome.AsWait(err); ok {
		return &outcome.Wait{Reason: infrav1.LibvirtMachineWaitingForAddressReason, Message: wait.Message, After: wait.After}
	}
	if terminal, ok := outcome.AsTerminal(err); ok {
		return &outcome.Terminal{Reason: infrav1.LibvirtMachineAddressInvalidReason, Err: terminal.Err}
	}
	if errors.Is(err, ipam.ErrForeign) {
		return outcome.Waitf(infrav1.LibvirtMachineAddressInvalidReason, time.Minute, "%s", err)
	}
	return err
}

// releaseAddresses gives the addresses back: nothing uses them any more.
func (r *Reconciler) releaseAddresses(ctx context.Context, s *scope) error {
	return ipam.Release(ctx, r.Client, s.claimOwner())
}
