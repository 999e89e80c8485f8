// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirthost

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/cluster-api/util/patch"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/event"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
)

// Conditions of the checks.
const (
	reachable         = infrav1.LibvirtHostReachableCondition
	networkReady      = infrav1.LibvirtHostNetworkReadyCondition
	storageReady      = infrav1.LibvirtHostStorageReadyCondition
	loadBalancerReady = infrav1.LibvirtHostLoadBalancerReadyCondition
)

//nolint:gochecknoglobals // an option of the patch, never changed
var ownedConditions = patch.WithOwnedConditions{Conditions: []string{
	infrav1.ReadyCondition, reachable, networkReady, storageReady, loadBalancerReady,
}}

// updateStatus writes all conditions and what else the status tells. It is the only writer of conditions.
func (r *Reconciler) updateStatus(s *scope, result error) {
	s.host.Status.ObservedGeneration = s.host.Generation
	s.host.Status.FailureDomain = inventory.FailureDomain(s.host)
	if !s.host.DeletionTimestamp.IsZero() {
		condition := metav1.Condition{Type: infrav1.ReadyCondition, Status: metav1.ConditionFalse, Reason: infrav1.LibvirtHostInUseReason}
		if result != nil {
			condition.Reason, condition.Message = explain(result)
		}
		conditions.Set(s.host, condition)
		return
	}
	s.describe()
	// A host without load balancers is ready for machines: that condition stands beside Ready, not below it.
	ready := metav1.Condition{Type: infrav1.ReadyCondition, Status: metav1.ConditionTrue, Reason: infrav1.LibvirtHostReadyReason}
	for _, name := range []string{storageReady, networkReady, reachable} {
		condition := s.condition(name, result)
		conditions.Set(s.host, condition)
		if condition.Status != metav1.ConditionTrue && condition.Reason != infrav1.LibvirtHostWaitingReason {
			ready.Status, ready.Reason, ready.Message = metav1.ConditionFalse, condition.Reason, name+": "+condition.Message
		}
	}
	if result != nil {
		ready.Status, ready.Reason, ready.Message = metav1.ConditionFalse, infrav1.LibvirtHostCheckFailedReason, result.Error()
	}
	conditions.Set(s.host, ready)
	if _, checked := s.results[loadBalancerReady]; checked {
		conditions.Set(s.host, s.condition(loadBalancerReady, result))
	} else if s.conn != nil {
		conditions.Delete(s.host, loadBalancerReady)
	}
}

func (s *scope) condition(name string, result error) metav1.Condition {
	err, checked := s.results[name]
	switch {
	case checked && err == nil:
		return metav1.Condition{Type: name, Status: metav1.ConditionTrue, Reason: infrav1.LibvirtHostReadyReason}
	case checked:
		reason, message := explain(err)
		return metav1.Condition{Type: name, Status: metav1.ConditionFalse, Reason: reason, Message: message}
	case result != nil && name == reachable:
		return metav1.Condition{Type: name, Status: metav1.ConditionUnknown, Reason: infrav1.LibvirtHostCheckFailedReason, Message: result.Error()}
	}
	return metav1.Condition{Type: name, Status: metav1.ConditionUnknown, Reason: infrav1.LibvirtHostWaitingReason}
}

func explain(err error) (reason, message string) {
	if wait, ok := outcome.AsWait(err); ok {
		return wait.Reason, wait.Message
	}
	return infrav1.LibvirtHostCheckFailedReason, err.Error()
}

// announce tells people of changes, after they are stored.
func (r *Reconciler) announce(s *scope) {
	after := conditions.Get(s.host, infrav1.ReadyCondition)
	if after == nil || s.readyBefore == after.Reason {
		return
	}
	kind, message := corev1.EventTypeWarning, after.Message
	if after.Status == metav1.ConditionTrue {
		kind, message = corev1.EventTypeNormal, "machines can run on the host"
	}
	event.Emit(r.Recorder, s.host, kind, after.Reason, "Probe", message)
}
