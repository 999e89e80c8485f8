// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/hostaccess"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// awaitMachinesGone keeps the endpoint while machines may need it. Cluster API deletes machines first; this is for
// people who delete the LibvirtCluster by hand.
func (r *Reconciler) awaitMachinesGone(_ context.Context, s *scope) error {
	if len(s.machines) == 0 {
		return nil
	}
	return outcome.Waitf(infrav1.LibvirtClusterDeletingReason, 0, "waiting for %d LibvirtMachines to be deleted, %s first", len(s.machines), s.machines[0].Name)
}

// releaseLoadBalancer takes the endpoint off all hosts that may carry it, also those that the status has forgotten in a
// move. A host that does not answer blocks: what it keeps would fight for the address when it comes back.
func (r *Reconciler) releaseLoadBalancer(ctx context.Context, s *scope) error {
	identity := s.lc.Annotations[identityAnnotation]
	if identity == "" || !managed(s.lc) { // nothing was ever written to a host
		return nil
	}
	names := map[string]bool{}
	for i := range s.hosts {
		if hostaccess.CarriesLoadBalancers(&s.hosts[i]) {
			names[s.hosts[i].Name] = true
		}
	}
	for _, known := range s.lc.Status.LoadBalancer.Hosts {
		names[known.Name] = true
	}
	s.wanted.ID, s.wanted.Owner = balancerID(identity), identity
	if address, err := netip.ParseAddr(s.lc.Spec.ControlPlaneEndpoint.Host); err == nil {
		s.wanted.VIP = netip.PrefixFrom(address, address.BitLen())
	}
	var errs []error
	for name := range names {
		if err := r.releaseHost(ctx, s, name); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// releaseHost takes the endpoint off one host. A host whose object is gone has nothing of ours: its finalizer saw to it.
// A host that never carried load balancers and cannot be reached has nothing either.
func (r *Reconciler) releaseHost(ctx context.Context, s *scope, name string) error {
	host := &infrav1.LibvirtHost{}
	if err := r.Client.Get(ctx, client.ObjectKey{Name: name}, host); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("read LibvirtHost %q: %w", name, err)
	}
	if !s.carries(name) && len(host.Status.BridgeAddresses) == 0 {
		return nil
	}
	runner, err := r.shell(ctx, host)
	if err == nil {
		err = r.Balancer.Release(ctx, s.wanted, []loadbalancer.Host{{Name: name, Runner: runner, Bridge: hostaccess.Bridge(host)}})
	}
	if errors.Is(err, virt.ErrUnreachable) || errors.Is(err, virt.ErrAuthentication) {
		s.markUnreachable(name, err)
		return outcome.Waitf(infrav1.LibvirtClusterLoadBalancerFailedReason, hostRetryInterval,
			"the load balancer cannot be removed from host %s: %v; bring the host back, or delete its LibvirtHost if it is gone for good", name, err)
	}
	return err
}

// markUnreachable tells the LibvirtHost that nothing can be taken off it: otherwise the LibvirtHost would wait for the
// cluster to leave it, and the cluster for the LibvirtHost to be deleted.
func (s *scope) markUnreachable(name string, err error) {
	for i := range s.lc.Status.LoadBalancer.Hosts {
		if host := &s.lc.Status.LoadBalancer.Hosts[i]; host.Name == name {
			host.State, host.Message = infrav1.LoadBalancerHostUnreachable, shorten(err.Error())
		}
	}
}
