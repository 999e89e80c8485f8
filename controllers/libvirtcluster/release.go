// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer/rollout"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
)

// awaitMachinesGone keeps the endpoint while machines may need it. Cluster API deletes machines first; this guards against
// deleting the LibvirtCluster by hand.
func (r *Reconciler) awaitMachinesGone(_ context.Context, s *scope) error {
	if len(s.machines) == 0 {
		return nil
	}
	return outcome.Waitf(infrav1.LibvirtClusterDeletingReason, 0, "waiting for %d LibvirtMachines to be deleted, for example %s", len(s.machines), s.machines[0].Name)
}

// releaseLoadBalancer removes the load balancer from all hosts that may run it, even if clusterctl move dropped them from
// the status.
func (r *Reconciler) releaseLoadBalancer(ctx context.Context, s *scope) error {
	id, owner := inventory.LoadBalancerIdentity(s.lc)
	if owner == "" { // nothing was ever written to a host, whatever the mode is now
		return nil
	}
	if err := r.findHostsToRelease(ctx, s); err != nil {
		return err
	}
	names := map[string]bool{}
	for i := range s.hosts {
		if inventory.CarriesLoadBalancers(&s.hosts[i]) {
			names[s.hosts[i].Name] = true
		}
	}
	for _, known := range s.lc.Status.LoadBalancer.Hosts {
		names[known.Name] = true
	}
	s.wanted.ID, s.wanted.Owner = id, owner
	if address, err := netip.ParseAddr(s.lc.Spec.ControlPlaneEndpoint.Host); err == nil {
		s.wanted.VIP = netip.PrefixFrom(address, address.BitLen())
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if err := r.releaseHost(ctx, s, name); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// findHostsToRelease takes all hosts where the selector cannot be read: that must not keep the cluster from being deleted.
func (r *Reconciler) findHostsToRelease(ctx context.Context, s *scope) error {
	err := r.findHosts(ctx, s)
	if outcome.KindOf(err) != outcome.KindTerminal {
		return err
	}
	list := &infrav1.LibvirtHostList{}
	if err := r.Client.List(ctx, list); err != nil {
		return fmt.Errorf("list LibvirtHosts: %w", err)
	}
	s.hosts = list.Items
	return nil
}

// releaseEarlierMode removes a load balancer from the hosts after a change to External, and its identity from the object.
func (r *Reconciler) releaseEarlierMode(ctx context.Context, s *scope) error {
	if s.lc.Annotations[identityAnnotation] == "" {
		return nil
	}
	if err := r.releaseLoadBalancer(ctx, s); err != nil {
		return err
	}
	delete(s.lc.Annotations, identityAnnotation)
	delete(s.lc.Annotations, routerIDAnnotation)
	s.lc.Status.LoadBalancer = infrav1.LoadBalancerStatus{}
	r.RouterIDs.Forget(s.lc.UID)
	return nil
}

// releaseHost removes the load balancer from one host. A host that cannot be reached blocks: it would compete for the address
// when it comes back.
func (r *Reconciler) releaseHost(ctx context.Context, s *scope, name string) error {
	err := r.dropHost(ctx, s, name)
	if onlyUnreachable(err) {
		s.markUnreachable(name, err)
		return outcome.Blockedf(infrav1.LibvirtClusterLoadBalancerFailedReason, hostRetryInterval,
			"the load balancer cannot be removed from host %s: %v; bring the host back, or delete its LibvirtHost if it is lost", name, err)
	}
	return err
}

// dropHost removes the load balancer from one host. A deleted LibvirtHost has none: its finalizer removed it. A host that
// was never a member, or never reached at all, has none either and need not be reachable now.
func (r *Reconciler) dropHost(ctx context.Context, s *scope, name string) error {
	host := &infrav1.LibvirtHost{}
	if err := r.Client.Get(ctx, client.ObjectKey{Name: name}, host); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("read LibvirtHost %q: %w", name, err)
	}
	shell, err := r.Hosts.Shell(ctx, host)
	if err == nil {
		err = r.Balancer.Release(ctx, s.wanted, []rollout.Host{{Name: name, Shell: shell, Bridge: inventory.Bridge(host)}})
	}
	logSteps(ctx, name, err)
	// clusterctl move drops the list of members, so an empty one proves nothing.
	hasNone := !s.isMember(name) && (len(s.lc.Status.LoadBalancer.Hosts) > 0 || len(host.Status.BridgeAddresses) == 0)
	if onlyUnreachable(err) && hasNone {
		return nil
	}
	return err
}

// markUnreachable records in the status that the host cannot be released. Without it the deletion of the LibvirtHost would
// wait for the cluster to release it, and the cluster for the LibvirtHost to be deleted.
func (s *scope) markUnreachable(name string, err error) {
	for i := range s.lc.Status.LoadBalancer.Hosts {
		if host := &s.lc.Status.LoadBalancer.Hosts[i]; host.Name == name {
			host.State, host.Message = infrav1.LoadBalancerHostUnreachable, hostMessage(err)
		}
	}
}
