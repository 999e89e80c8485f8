// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster

import (
	"maps"
	"slices"

	"k8s.io/utils/ptr"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/event"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer/rollout"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/phase"
)

// Conditions of the phases, in their order.
const (
	hostsReady        = infrav1.LibvirtClusterHostsReadyCondition
	endpointReady     = infrav1.LibvirtClusterEndpointReadyCondition
	loadBalancerReady = infrav1.LibvirtClusterLoadBalancerReadyCondition
)

func conditionTable() phase.Table {
	return phase.Table{
		Rows:     []phase.Row{{Condition: hostsReady}, {Condition: endpointReady}, {Condition: loadBalancerReady}},
		Done:     infrav1.LibvirtClusterReadyReason,
		Waiting:  infrav1.LibvirtClusterWaitingReason,
		Failed:   infrav1.LibvirtClusterFailedReason,
		Deleting: infrav1.LibvirtClusterDeletingReason,
	}
}

// describe writes the status except for the conditions.
func (s *scope) describe() {
	s.lc.Status.ObservedGeneration = s.lc.Generation
	if !s.lc.DeletionTimestamp.IsZero() {
		return
	}
	s.reportLoadBalancer()
	if !managed(s.lc) && (!s.record.Ran(loadBalancerReady) || s.record.Done(loadBalancerReady)) {
		s.record.Omit(loadBalancerReady) // unless the one from before the mode changed could not be removed
	}
	if s.served() {
		s.lc.Status.Initialization.Provisioned = ptr.To(true)
	}
}

// served reports whether machines may use the endpoint.
func (s *scope) served() bool {
	return s.record.Done(endpointReady) && (!managed(s.lc) || s.report != nil && s.report.Holder != "")
}

// maxMessage is the limit of the API for a host's message, in bytes.
const maxMessage = 1024

// reportLoadBalancer writes what was observed on the hosts. When none was asked the list of hosts stays, since they must be
// released some day.
func (s *scope) reportLoadBalancer() {
	if s.report == nil || len(s.report.Hosts) == 0 {
		return
	}
	status := &s.lc.Status.LoadBalancer
	status.Holder, status.Hosts = s.report.Holder, nil
	holder := loadbalancer.State{}
	for _, host := range s.report.Hosts {
		if host.Name == s.report.Holder {
			holder = host.State
		}
		status.Hosts = append(status.Hosts, hostStatus(host))
	}
	for _, name := range slices.Sorted(maps.Keys(s.formerMembers)) {
		status.Hosts = append(status.Hosts, hostStatus(rollout.HostReport{Name: name, Err: s.formerMembers[name]}))
	}
	status.Backends = nil
	for _, backend := range s.reportedBackends() {
		status.Backends = append(status.Backends, infrav1.LoadBalancerBackendStatus{
			Name: backend.Name, Address: backend.Address.String(), Health: health(holder, backend.Name),
		})
	}
}

// maxBackends is the limit of the API.
const maxBackends = 64

// reportedBackends are the backends that fit into the status. Leaving ones take precedence until no host sends them
// connections: a machine that is not listed may be removed.
func (s *scope) reportedBackends() []loadbalancer.Backend {
	leaving := s.leaving
	if s.converged() {
		leaving = nil
	}
	leaving = leaving[:min(len(leaving), maxBackends)]
	staying := s.wanted.Backends[:min(len(s.wanted.Backends), maxBackends-len(leaving))]
	return slices.Concat(staying, leaving)
}

// converged reports whether no reachable host has an outdated configuration.
func (s *scope) converged() bool {
	for _, err := range s.formerMembers {
		if !onlyUnreachable(err) {
			return false
		}
	}
	return s.report.Applied()
}

func hostStatus(host rollout.HostReport) infrav1.LoadBalancerHostStatus {
	status := infrav1.LoadBalancerHostStatus{Name: host.Name, State: infrav1.LoadBalancerHostPending}
	if host.Err == nil {
		if host.Applied {
			status.State = infrav1.LoadBalancerHostServing
		}
		return status
	}
	status.State, status.Message = infrav1.LoadBalancerHostFailed, hostMessage(host.Err)
	if onlyUnreachable(host.Err) {
		status.State = infrav1.LoadBalancerHostUnreachable
	}
	return status
}

func hostMessage(err error) string {
	_, message := outcome.Explain(err, "")
	return event.Cut(message, maxMessage)
}

// health is the state of a control plane machine as the holder's haproxy sees it.
func health(holder loadbalancer.State, name string) infrav1.BackendHealth {
	for _, server := range holder.Servers {
		if server.Backend != loadbalancer.APIBackend || server.Name != name {
			continue
		}
		if server.Up() {
			return infrav1.BackendUp
		}
		return infrav1.BackendDown
	}
	return infrav1.BackendUnknown
}
