// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/ipam"
	"github.com/altcos/cluster-api-provider-altcos/internal/nodenetwork"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
)

// claimAddresses determines the machine's addresses: static ones, and one from each pool. With DHCP none are known. All
// claims are created before it waits for the first.
func (r *Reconciler) claimAddresses(ctx context.Context, s *scope) error {
	own, err := ipam.Claims(ctx, r.Client, s.claimOwner())
	if err != nil {
		return err
	}
	nics, err := nodenetwork.FromAPI(s.lm.Spec.NetworkInterfaces, s.network(own), s.vm.UUID)
	if err != nil {
		return &outcome.Terminal{Reason: infrav1.LibvirtMachineAddressInvalidReason, Err: err}
	}
	if err := r.readClaims(ctx, s, nics, own); err != nil {
		if outcome.Pending(err) && s.vm.Domain != nil && s.knownAddresses() > 0 {
			return nil // the guest keeps its addresses even if the claims are gone, and so does the status
		}
		return addressError(err)
	}
	known := 0
	for _, n := range nics {
		known += len(n.Addresses)
	}
	if s.vm.Domain != nil && known < s.knownAddresses() {
		return nil // as above
	}
	if s.vm.Domain == nil {
		if err := s.checkAddresses(nics, known); err != nil {
			return err
		}
	}
	s.vm.Interfaces = nics
	return nil
}

// checkAddresses rejects what would cut off the machine or its cluster: the load balancer's own address, and a control
// plane without an address that the load balancer could know.
func (s *scope) checkAddresses(nics []nodenetwork.Interface, known int) error {
	if s.infra == nil || s.infra.Spec.LoadBalancer.Mode == infrav1.LoadBalancerExternal {
		return nil
	}
	if known == 0 && s.isControlPlane() {
		return outcome.Terminalf(infrav1.LibvirtMachineAddressInvalidReason,
			"a control plane behind the load balancer of LibvirtCluster %q needs a known address: set addressPoolRefs in the cluster's network or in the machine's networkInterfaces, or use loadBalancer.mode External", s.infra.Name)
	}
	endpoint, err := netip.ParseAddr(s.infra.Spec.ControlPlaneEndpoint.Host)
	if err != nil {
		return nil //nolint:nilerr // a name, or none yet
	}
	for i, n := range nics {
		for _, prefix := range n.Addresses {
			if prefix.Addr() == endpoint {
				return outcome.Blockedf(infrav1.LibvirtMachineAddressInvalidReason, retrySlow,
					"address %s of interface %d is the control plane endpoint of LibvirtCluster %q; exclude it from the pool and delete the Machine",
					endpoint, i, s.infra.Name)
			}
		}
	}
	return nil
}

// readClaims adds the addresses of pools to the interfaces.
func (r *Reconciler) readClaims(ctx context.Context, s *scope, nics []nodenetwork.Interface, own []ipamv1.IPAddressClaim) error {
	var claims [][]*ipamv1.IPAddressClaim
	for i := range nics {
		made, err := r.claim(ctx, s, i, nics[i].Pools, own)
		if err != nil {
			return err
		}
		claims = append(claims, made)
	}
	for i := range nics {
		for _, claim := range claims[i] {
			address, err := ipam.ReadAddress(ctx, r.Client, claim)
			if err != nil {
				return err
			}
			nics[i].Add(address.Prefix, address.Gateway)
		}
	}
	return nil
}

// knownAddresses is the number of IP addresses in the status.
func (s *scope) knownAddresses() (n int) {
	for _, address := range s.lm.Status.Addresses {
		if address.Type == clusterv1.MachineInternalIP {
			n++
		}
	}
	return n
}

// network is the cluster's network with the pools from which the machine got its addresses: these do not follow the
// cluster's pools, since the guest's addresses never change.
func (s *scope) network(own []ipamv1.IPAddressClaim) infrav1.NodeNetwork {
	network := infrav1.NodeNetwork{}
	if s.infra != nil {
		network = *s.infra.Spec.Network.DeepCopy()
	}
	if s.vm.Domain != nil {
		network.AddressPoolRefs = nil
	}
	for i := 0; ; i++ {
		n := indexOf(own, ipam.MachineClaimName(s.lm.Name, 0, i))
		if n < 0 {
			return network
		}
		ref := own[n].Spec.PoolRef
		pool := infrav1.AddressPoolReference{APIGroup: ref.APIGroup, Kind: ref.Kind, Name: ref.Name}
		if i < len(network.AddressPoolRefs) {
			network.AddressPoolRefs[i] = pool
			continue
		}
		network.AddressPoolRefs = append(network.AddressPoolRefs, pool)
	}
}

func indexOf(claims []ipamv1.IPAddressClaim, name string) int {
	return slices.IndexFunc(claims, func(c ipamv1.IPAddressClaim) bool { return c.Name == name })
}

// claim creates the claims of one interface. Once there is a domain none is created: the guest would not learn the address.
func (r *Reconciler) claim(
	ctx context.Context, s *scope, nic int, pools []infrav1.AddressPoolReference, own []ipamv1.IPAddressClaim,
) ([]*ipamv1.IPAddressClaim, error) {
	var claims []*ipamv1.IPAddressClaim
	for i, pool := range pools {
		if s.vm.Domain != nil && indexOf(own, ipam.MachineClaimName(s.lm.Name, nic, i)) < 0 {
			continue
		}
		claim, err := ipam.EnsureClaim(ctx, r.Client, s.claimOwner(), ipam.MachineClaimName(s.lm.Name, nic, i), pool)
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

// addressError gives the errors of claims the reasons of our conditions.
func addressError(err error) error {
	if terminal, ok := outcome.AsTerminal(err); ok {
		return &outcome.Terminal{Reason: infrav1.LibvirtMachineAddressInvalidReason, Err: terminal.Err}
	}
	if errors.Is(err, ipam.ErrNotOwned) {
		return outcome.Blockedf(infrav1.LibvirtMachineAddressInvalidReason, retrySlow, "%s", err)
	}
	return outcome.WithReason(err, infrav1.LibvirtMachineWaitingForAddressReason)
}

// releaseAddresses releases the addresses, which nothing uses any more.
func (r *Reconciler) releaseAddresses(ctx context.Context, s *scope) error {
	return ipam.Release(ctx, r.Client, s.claimOwner())
}
