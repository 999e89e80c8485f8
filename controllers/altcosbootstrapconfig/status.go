// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcosbootstrapconfig

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/cluster-api/util/patch"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/event"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
)

// Conditions of the phases, in their order.
const (
	kubeadmDataReady    = bootstrapv1.AltcosBootstrapConfigKubeadmDataReadyCondition
	dataSecretAvailable = bootstrapv1.AltcosBootstrapConfigDataSecretAvailableCondition
)

//nolint:gochecknoglobals // an option of the patch, never changed
var ownedConditions = patch.WithOwnedConditions{Conditions: []string{
	bootstrapv1.ReadyCondition, kubeadmDataReady, dataSecretAvailable,
}}

// updateStatus writes all conditions. It is their only writer.
func (r *Reconciler) updateStatus(s *scope, result error) {
	s.config.Status.ObservedGeneration = s.config.Generation
	if s.reached[dataSecretAvailable] {
		s.config.Status.Initialization.DataSecretCreated = ptr.To(true)
		s.reached[kubeadmDataReady] = true // it was, or there would be no Secret
	}
	ready := metav1.Condition{Type: bootstrapv1.ReadyCondition, Status: metav1.ConditionTrue, Reason: bootstrapv1.AltcosBootstrapConfigReadyReason}
	for _, name := range []string{kubeadmDataReady, dataSecretAvailable} {
		condition := s.condition(name, result)
		conditions.Set(s.config, condition)
		if name == s.stopped {
			ready.Status, ready.Reason, ready.Message = metav1.ConditionFalse, condition.Reason, name+": "+condition.Message
		}
	}
	conditions.Set(s.config, ready)
}

func (s *scope) condition(name string, result error) metav1.Condition {
	switch {
	case s.reached[name] && s.stopped != name:
		return metav1.Condition{Type: name, Status: metav1.ConditionTrue, Reason: bootstrapv1.AltcosBootstrapConfigReadyReason}
	case s.stopped == name && result != nil:
		reason, message := explain(result)
		return metav1.Condition{Type: name, Status: metav1.ConditionFalse, Reason: reason, Message: message}
	}
	return metav1.Condition{Type: name, Status: metav1.ConditionUnknown, Reason: bootstrapv1.AltcosBootstrapConfigWaitingReason}
}

func explain(err error) (reason, message string) {
	if wait, ok := outcome.AsWait(err); ok {
		return wait.Reason, wait.Message
	}
	if terminal, ok := outcome.AsTerminal(err); ok {
		return terminal.Reason, terminal.Err.Error()
	}
	return bootstrapv1.AltcosBootstrapConfigFailedReason, err.Error()
}

// announce tells people of changes, after they are stored.
func (r *Reconciler) announce(s *scope, result error) {
	after := conditions.Get(s.config, bootstrapv1.ReadyCondition)
	if after == nil || s.readyBefore == after.Reason {
		return
	}
	eventType, message := corev1.EventTypeNormal, after.Message
	if warns(result) {
		eventType = corev1.EventTypeWarning
	}
	if message == "" {
		message = "the data secret is available"
	}
	event.Emit(r.Recorder, s.config, eventType, after.Reason, "Reconcile", message)
}

// warns says whether people should look. What is tried again until they have mended something is no mere wait.
func warns(result error) bool {
	wait, waits := outcome.AsWait(result)
	if !waits {
		return result != nil
	}
	switch wait.Reason {
	case bootstrapv1.AltcosBootstrapConfigKubeadmRefusedReason, bootstrapv1.AltcosBootstrapConfigRenderFailedReason:
		return true
	}
	return false
}
