// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer/rollout"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// maxMembers is how many hosts the status can list. A host that is not listed would never be released.
const maxMembers = 64

// members are the hosts that should serve the endpoint: all that can, and those that did and are only unreachable now, since
// removing a host from the group changes the others. New hosts join while there is room, where hosts that are yet to be
// released count.
func (s *scope) members() []*infrav1.LibvirtHost {
	eligible := s.eligible(true)
	most := len(eligible)
	known := func(host *infrav1.LibvirtHost) bool { return s.isMember(host.Name) }
	members := withRoomFor(maxMembers-len(s.lc.Status.LoadBalancer.Hosts), eligible, known)
	if len(members) < most {
		s.record.Note(loadBalancerReady, fmt.Sprintf(
			"%d of the %d hosts that can serve the endpoint do; the limit is %d", len(members), most, maxMembers))
	}
	return members
}

// withRoomFor keeps all known items and the first of the new ones, so that new items never displace known ones.
func withRoomFor[T any](room int, all []T, known func(T) bool) []T {
	return slices.DeleteFunc(all, func(one T) bool {
		if known(one) {
			return false
		}
		room--
		return room < 0
	})
}

// eligible are the hosts that can serve the endpoint, either those with or those without an address that VRRP can use.
func (s *scope) eligible(addressed bool) []*infrav1.LibvirtHost {
	var found []*infrav1.LibvirtHost
	for i := range s.hosts {
		host := &s.hosts[i]
		fit := conditions.IsTrue(host, infrav1.LibvirtHostLoadBalancerReadyCondition) || s.isMember(host.Name)
		if !fit || !inventory.CarriesLoadBalancers(host) || !host.DeletionTimestamp.IsZero() {
			continue
		}
		if _, ok := s.bridgeAddress(host); ok == addressed {
			found = append(found, host)
		}
	}
	return found
}

// isMember reports whether the host was in the group when the hosts were last observed.
func (s *scope) isMember(host string) bool {
	return slices.ContainsFunc(s.lc.Status.LoadBalancer.Hosts, func(known infrav1.LoadBalancerHostStatus) bool {
		return known.Name == host
	})
}

// bridgeAddress is the host's own address on the segment.
func (s *scope) bridgeAddress(host *infrav1.LibvirtHost) (netip.Addr, bool) {
	var all []netip.Prefix
	for _, text := range host.Status.BridgeAddresses {
		if prefix, err := netip.ParsePrefix(text); err == nil {
			all = append(all, prefix)
		}
	}
	vip := s.wanted.VIP.Addr()
	for _, prefix := range inventory.OwnAddresses(all, s.virtual) {
		if prefix.Addr().Is4() == vip.Is4() && prefix.Addr() != vip {
			return prefix.Addr(), true
		}
	}
	return netip.Addr{}, false
}

// leftOutOutcome reports hosts that could serve the endpoint but have no address for VRRP.
func (s *scope) leftOutOutcome() error {
	var names []string
	for _, host := range s.eligible(false) {
		names = append(names, fmt.Sprintf("bridge %s of host %s", inventory.Bridge(host), host.Name))
	}
	if len(names) == 0 {
		return nil
	}
	family := "IPv4"
	if s.wanted.VIP.Addr().Is6() {
		family = "IPv6"
	}
	return outcome.Blockedf(infrav1.LibvirtClusterLoadBalancerDegradedReason, 0,
		"%s has no %s address of its own, which VRRP needs; give it one, or set spec.loadBalancer of the LibvirtHost to Disabled",
		strings.Join(names, ", "), family)
}

// reachHosts opens shells on the members. Each has its VRRP priority whether it answers or not.
func (r *Reconciler) reachHosts(ctx context.Context, s *scope) ([]rollout.Host, error) {
	clusters := &infrav1.LibvirtClusterList{}
	if err := r.Client.List(ctx, clusters); err != nil {
		return nil, fmt.Errorf("list LibvirtClusters: %w", err)
	}
	s.virtual = inventory.VirtualAddresses(clusters.Items)
	members := s.members()
	if len(members) == 0 {
		if err := s.leftOutOutcome(); err != nil {
			return nil, err
		}
		return nil, outcome.Waitf(infrav1.LibvirtClusterHostsNotReadyReason, 0,
			"none of the selected LibvirtHosts can run the load balancer; see their condition %s", infrav1.LibvirtHostLoadBalancerReadyCondition)
	}
	priorities := loadbalancer.Priorities(len(members))
	hosts := make([]rollout.Host, 0, len(members))
	for i, member := range members {
		address, _ := s.bridgeAddress(member) // every member has one
		shell, err := r.Hosts.Shell(ctx, member)
		if err != nil {
			shell = brokenShell{err}
		}
		hosts = append(hosts, rollout.Host{
			Name: member.Name, Shell: shell, Bridge: inventory.Bridge(member), Address: address, Priority: priorities[i],
		})
	}
	return hosts, nil
}

// brokenShell stands in for a host that does not answer, which keeps its place in the group.
type brokenShell struct{ err error }

// Run implements virt.Shell.
func (b brokenShell) Run(context.Context, virt.Script) ([]byte, error) { return nil, b.err }

// releaseFormerMembers removes the load balancer from hosts that should no longer run it.
func (r *Reconciler) releaseFormerMembers(ctx context.Context, s *scope) {
	members := s.members()
	for _, known := range s.lc.Status.LoadBalancer.Hosts {
		if slices.ContainsFunc(members, func(host *infrav1.LibvirtHost) bool { return host.Name == known.Name }) {
			continue
		}
		if err := r.dropHost(ctx, s, known.Name); err != nil {
			s.formerMembers[known.Name] = err
		}
	}
}
