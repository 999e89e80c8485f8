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
// control planes over published domains and removes machines outside of them first, so a domain must not vanish while a
// host reboots. It goes when the outage lasts: machines placed there would wait forever.
const failureDomainGrace = 5 * time.Minute

// selectHosts publishes the failure domains of the hosts that can take machines, and reports when no host is ready.
func (r *Reconciler) selectHosts(_ context.Context, s *scope) error {
	if len(s.hosts) == 0 {
		return outcome.Blockedf(infrav1.LibvirtClusterNoHostsReason, 0,
			"no LibvirtHost matches spec.hostSelector and admits namespace %s with its spec.namespaceSelector; create one, or change a selector", s.lc.Namespace)
	}
	ready := slices.ContainsFunc(s.hosts, func(host infrav1.LibvirtHost) bool { return conditions.IsTrue(&host, infrav1.ReadyCondition) })
	s.lc.Status.FailureDomains = r.failureDomains(s, ready)
	if !ready {
		return outcome.Waitf(infrav1.LibvirtClusterHostsNotReadyReason, 0,
			"none of the %d selected LibvirtHosts is ready; see their conditions", len(s.hosts))
	}
	return nil
}

// failureDomains are those of hosts that take new machines; all are suitable for control planes. While no host is ready the
// whole inventory may only be unreachable, so published domains stay.
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
			if !s.published(name) || anyReady && !r.isWithinGrace(host) {
				continue
			}
			s.observeAgain = true
		}
		seen[name] = true
		domains = append(domains, clusterv1.FailureDomain{Name: name, ControlPlane: &suitable})
	}
	return s.cappedDomains(domains)
}

// maxFailureDomains is Cluster API's limit.
const maxFailureDomains = 100

// cappedDomains keeps as many domains as can be published, preferring published ones: machines run there.
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
		s.record.Note(hostsReady, fmt.Sprintf("%d of %d failure domains are published; Cluster API allows no more: "+
			"select fewer hosts with spec.hostSelector, or let hosts share failure domains", len(domains), most))
	}
	return domains
}

func (s *scope) published(domain string) bool {
	return slices.ContainsFunc(s.lc.Status.FailureDomains, func(known clusterv1.FailureDomain) bool { return known.Name == domain })
}

func (r *Reconciler) isWithinGrace(host *infrav1.LibvirtHost) bool {
	ready := conditions.Get(host, infrav1.ReadyCondition)
	return ready != nil && r.clock().Since(ready.LastTransitionTime.Time) < failureDomainGrace
}
