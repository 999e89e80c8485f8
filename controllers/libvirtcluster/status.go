// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/cluster-api/util/patch"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
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
	if !managed(s.lc) {
		phases = phases[:2]
		conditions.Delete(s.lc, loadBalancerReady)
	}
	ready := metav1.Condition{Type: infrav1.ReadyCondition, Status: metav1.ConditionTrue, Reason: infrav1.LibvirtClusterReadyReason}
	for _, name := range phases {
		condition := s.condition(name, result)
		conditions.Set(s.lc, condition)
		if name == s.stopped {
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
	if !s.reached[endpointReady] || s.stopped == endpointReady {
		return false
	}
	return !managed(s.lc) || s.report != nil && s.report.Holder != ""
}

func (s *scope) condition(name string, result error) metav1.Condition {
	switch done, tried := s.reached[name]; {
	case tried && done:
		return metav1.Condition{Type: name, Status: metav1.ConditionTrue, Reason: infrav1.LibvirtClusterReadyReason}
	case tried:
		reason, message := explain(result, infrav1.LibvirtClusterLoadBalancerFailedReason)
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
		if wait.Reason == "" {
			return other, wait.Message
		}
		return wait.Reason, wait.Message
	}
	if terminal, ok := outcome.AsTerminal(err); ok {
		return terminal.Reason, terminal.Err.Error()
	}
	return other, err.Error()
}

// maxMessage is the limit of the API for a host's message, in bytes.
const maxMessage = 1024

// reportLoadBalancer tells what the hosts said, as far as they were asked.
func (s *scope) reportLoadBalancer() {
	if s.report == nil {
		return
	}
	status := &s.lc.Status.LoadBalancer
	status.Holder, status.Hosts, status.Backends = s.report.Holder, nil, nil
	holder := loadbalancer.State{}
	for _, host := range s.report.Hosts {
		if host.Name == s.report.Holder {
			holder = host.State
		}
		status.Hosts = append(status.Hosts, hostStatus(host))
	}
	for name, message := range s.unreachable {
		status.Hosts = append(status.Hosts, infrav1.LoadBalancerHostStatus{
			Name: name, State: infrav1.LoadBalancerHostUnreachable, Message: shorten(message),
		})
	}
	for _, backend := range s.wanted.Backends {
		status.Backends = append(status.Backends, infrav1.LoadBalancerBackendStatus{
			Name: backend.Name, Address: backend.Address.String(), Health: health(holder, backend.Name),
		})
	}
}

func hostStatus(host loadbalancer.HostReport) infrav1.LoadBalancerHostStatus {
	status := infrav1.LoadBalancerHostStatus{Name: host.Name, State: infrav1.LoadBalancerHostServing}
	if host.Err == nil {
		return status
	}
	status.State, status.Message = infrav1.LoadBalancerHostFailed, shorten(host.Err.Error())
	if onlyUnreachable(host.Err) {
		status.State = infrav1.LoadBalancerHostUnreachable
	}
	return status
}

func shorten(message string) string {
	if len(message) > maxMessage {
		return message[:maxMessage]
	}
	return message
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
	if _, waits := outcome.AsWait(result); result != nil && !waits && !errors.Is(result, context.Canceled) {
		kind = corev1.EventTypeWarning
	}
	if message == "" {
		message = "the endpoint is served"
	}
	r.Recorder.Eventf(s.lc, nil, kind, after.Reason, "Reconcile", "%s", message)
}
