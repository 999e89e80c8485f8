// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/cluster-api/util/patch"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/event"
	"github.com/altcos/cluster-api-provider-altcos/internal/ipam"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
)

// Conditions of the phases, in their order.
const (
	hostsReady        = infrav1.LibvirtClusterHostsReadyCondition
	endpointReady     = infrav1.LibvirtClusterEndpointReadyCondition
	loadBalancerReady = infrav1.LibvirtClusterLoadBalancerReadyCondition
)

//nolint:gochecknoglobals // an option of the patch, never changed
var ownedConditions = patch.WithOwnedConditions{Conditions: []string{
	infrav1.ReadyCondition, hostsReady, endpointReady, loadBalancerReady,
}}

// updateStatus writes all conditions and what else the status tells. It is the only writer of conditions.
func (r *Reconciler) updateStatus(s *scope, result error) {
	s.lc.Status.ObservedGeneration = s.lc.Generation
	if !s.lc.DeletionTimestamp.IsZero() {
		reason, message := explain(result, infrav1.LibvirtClusterDeletingReason)
		conditions.Set(s.lc, metav1.Condition{Type: infrav1.ReadyCondition, Status: metav1.ConditionFalse, Reason: reason, Message: message})
		return
	}
	s.reportLoadBalancer()
	phases := []string{hostsReady, endpointReady, loadBalancerReady}
	if !managed(s.lc) && s.results[loadBalancerReady] == nil {
		phases = phases[:2]
		conditions.Delete(s.lc, loadBalancerReady)
	}
	ready := metav1.Condition{Type: infrav1.ReadyCondition, Status: metav1.ConditionTrue, Reason: infrav1.LibvirtClusterReadyReason}
	for _, name := range phases {
		condition := s.condition(name)
		conditions.Set(s.lc, condition)
		if ready.Status == metav1.ConditionTrue && condition.Status == metav1.ConditionFalse {
			ready.Status, ready.Reason, ready.Message = metav1.ConditionFalse, condition.Reason, name+": "+condition.Message
		}
	}
	conditions.Set(s.lc, ready)
	if s.served() {
		s.lc.Status.Initialization.Provisioned = ptr.To(true)
	}
}

// served says whether machines may use the endpoint.
func (s *scope) served() bool {
	if err, tried := s.results[endpointReady]; !tried || err != nil {
		return false
	}
	return !managed(s.lc) || s.report != nil && s.report.Holder != ""
}

func (s *scope) condition(name string) metav1.Condition {
	switch err, tried := s.results[name]; {
	case tried && err == nil:
		return metav1.Condition{Type: name, Status: metav1.ConditionTrue, Reason: infrav1.LibvirtClusterReadyReason, Message: s.notes[name]}
	case tried:
		reason, message := explain(err, infrav1.LibvirtClusterLoadBalancerFailedReason)
		return metav1.Condition{Type: name, Status: metav1.ConditionFalse, Reason: reason, Message: message}
	}
	return metav1.Condition{Type: name, Status: metav1.ConditionUnknown, Reason: infrav1.LibvirtClusterWaitingReason}
}

// explain gives reason and message of what a phase returned; other is the reason of plain errors.
func explain(err error, other string) (reason, message string) {
	if err == nil {
		return other, ""
	}
	if wait, ok := outcome.AsWait(err); ok {
		return cmp.Or(wait.Reason, other), stable(wait.Message)
	}
	if terminal, ok := outcome.AsTerminal(err); ok {
		return terminal.Reason, stable(terminal.Err.Error())
	}
	return other, stable(err.Error())
}

// ownPort is our side of a connection, which is another one each time.
var ownPort = regexp.MustCompile(`[0-9A-Fa-f.:\[\]]+:[0-9]+->`)

// maxCondition is the limit of the API for a condition's message, less the name of the condition that Ready puts before it.
const maxCondition = 32<<10 - 64

// stable takes out of a message what differs each time, since people and tools watch conditions for changes. Many hosts
// may have more to say than a condition holds.
func stable(message string) string {
	return event.Cut(ownPort.ReplaceAllString(message, ""), maxCondition)
}

// maxMessage is the limit of the API for a host's message, in bytes.
const maxMessage = 1024

// reportLoadBalancer tells what the hosts said, as far as they were asked. What they carried before stays known when none
// was asked: it has to be taken off them one day.
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
	for _, name := range slices.Sorted(maps.Keys(s.strays)) {
		status.Hosts = append(status.Hosts, hostStatus(loadbalancer.HostReport{Name: name, Err: s.strays[name]}))
	}
	status.Backends = nil
	for _, backend := range s.toldBackends() {
		status.Backends = append(status.Backends, infrav1.LoadBalancerBackendStatus{
			Name: backend.Name, Address: backend.Address.String(), Health: health(holder, backend.Name),
		})
	}
}

// maxBackends is the limit of the API.
const maxBackends = 64

// toldBackends are the backends that have room in the status, first of all those that are leaving: a machine whose virtual
// machine may go is one that is not told of, since it gets no connections any more.
func (s *scope) toldBackends() []loadbalancer.Backend {
	leaving := s.leaving
	if s.settled() {
		leaving = nil
	}
	leaving = leaving[:min(len(leaving), maxBackends)]
	staying := s.wanted.Backends[:min(len(s.wanted.Backends), maxBackends-len(leaving))]
	return slices.Concat(staying, leaving)
}

// settled says that no host that answers has a configuration which is not wanted any more.
func (s *scope) settled() bool {
	for _, err := range s.strays {
		if !onlyUnreachable(err) {
			return false
		}
	}
	return s.report.Settled()
}

func hostStatus(host loadbalancer.HostReport) infrav1.LoadBalancerHostStatus {
	status := infrav1.LoadBalancerHostStatus{Name: host.Name, State: infrav1.LoadBalancerHostPending}
	if host.Err == nil {
		if host.Applied {
			status.State = infrav1.LoadBalancerHostServing
		}
		return status
	}
	_, message := explain(host.Err, "")
	status.State, status.Message = infrav1.LoadBalancerHostFailed, event.Cut(message, maxMessage)
	if onlyUnreachable(host.Err) {
		status.State = infrav1.LoadBalancerHostUnreachable
	}
	return status
}

// health is what the holder's haproxy thinks of a control plane.
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

// announce tells people of changes, after they are stored.
func (r *Reconciler) announce(s *scope, result error) {
	after := conditions.Get(s.lc, infrav1.ReadyCondition)
	if after == nil || s.readyBefore == after.Reason {
		return
	}
	kind, message := corev1.EventTypeNormal, after.Message
	if warns(after.Reason, result) {
		kind = corev1.EventTypeWarning
	}
	if message == "" {
		message = "the endpoint is served"
	}
	event.Emit(r.Recorder, s.lc, kind, after.Reason, "Reconcile", message)
}

// warns says whether people should look. A wait is for something that comes by itself, or for a person who has to mend
// what its reason names.
func warns(reason string, result error) bool {
	if result == nil || errors.Is(result, context.Canceled) {
		return false
	}
	if _, err := outcome.Resolve(result); err != nil {
		return true
	}
	switch reason {
	case infrav1.LibvirtClusterNoHostsReason, infrav1.LibvirtClusterEndpointMissingReason, infrav1.LibvirtClusterEndpointInUseReason,
		infrav1.LibvirtClusterEndpointInvalidReason, infrav1.LibvirtClusterLoadBalancerRejectedReason,
		infrav1.LibvirtClusterLoadBalancerDegradedReason, infrav1.LibvirtClusterLoadBalancerFailedReason, ipam.AddressFailedReason:
		return true
	}
	return false
}
