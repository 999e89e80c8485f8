// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
)

// failureDomainGrace is how long a failure domain stays published although no host in it is ready. Cluster API spreads
// control planes over what is published and takes machines outside of it away first, so that a domain must not vanish
// while a host reboots. One whose hosts stay away goes: machines that are placed there would wait for ever.
const failureDomainGrace = 5 * time.Minute

// selectHosts publishes the failure domains of the hosts that can take machines, and tells when no host is ready.
func (r *Reconciler) selectHosts(_ context.Context, s *scope) error {
	if len(s.hosts) == 0 {
		return outcome.Blockedf(infrav1.LibvirtClusterNoHostsReason, 0,
			"no LibvirtHost is selected by spec.hostSelector and usable from namespace %s; create one or change the selector", s.lc.Namespace)
	}
	ready := slices.ContainsFunc(s.hosts, func(host infrav1.LibvirtHost) bool { return conditions.IsTrue(&host, infrav1.ReadyCondition) })
	s.lc.Status.FailureDomains = r.failureDomains(s, ready)
	if !ready {
		return outcome.Waitf(infrav1.LibvirtClusterHostsNotReadyReason, 0,
			"none of the %d selected LibvirtHosts is ready; see their conditions", len(s.hosts))
	}
	return nil
}

// failureDomains are those of hosts that take new machines, each suitable for control planes. As long as no host is ready
// the whole inventory may only be out of our reach, and what is published stays.
func (r *Reconciler) failureDomains(s *scope, anyReady bool) []clusterv1.FailureDomain {
	var domains []clusterv1.FailureDomain
	seen := map[string]bool{}
	suitable := true
	for i := range s.hosts {
		host := &s.hosts[i]
		name := inventory.FailureDomain(host)
		if seen[name] || host.Spec.Scheduling == infrav1.HostSchedulingDisabled || !host.DeletionTimestamp.IsZero() {
			continue
		}
		if !conditions.IsTrue(host, infrav1.ReadyCondition) {
			if !s.published(name) || anyReady && !r.isAwayBriefly(host) {
				continue
			}
			s.observeAgain = true
		}
		seen[name] = true
		domains = append(domains, clusterv1.FailureDomain{Name: name, ControlPlane: &suitable})
	}
	return s.cappedDomains(domains)
}

// maxFailureDomains is how many Cluster API takes.
const maxFailureDomains = 100

// cappedDomains keeps as many as can be published, first of all those that are: machines stand there.
func (s *scope) cappedDomains(domains []clusterv1.FailureDomain) []clusterv1.FailureDomain {
	known := func(domain clusterv1.FailureDomain) bool { return s.published(domain.Name) }
	room, most := maxFailureDomains, len(domains)
	for _, domain := range domains {
		if known(domain) {
			room--
		}
	}
	domains = withRoomFor(room, domains, known)
	if len(domains) < most {
		s.record.Note(hostsReady, fmt.Sprintf("%d of %d failure domains are published; Cluster API takes no more: "+
			"select fewer hosts with spec.hostSelector, or let hosts share failure domains", len(domains), most))
	}
	return domains
}

func (s *scope) published(domain string) bool {
	return slices.ContainsFunc(s.lc.Status.FailureDomains, func(known clusterv1.FailureDomain) bool { return known.Name == domain })
}

func (r *Reconciler) isAwayBriefly(host *infrav1.LibvirtHost) bool {
	ready := conditions.Get(host, infrav1.ReadyCondition)
	return ready != nil && r.clock().Since(ready.LastTransitionTime.Time) < failureDomainGrace
}
