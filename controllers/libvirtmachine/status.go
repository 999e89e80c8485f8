// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/cluster-api/util/patch"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/event"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/libvirt/domainxml"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/phase"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// Conditions of the phases, in the order in which a person wants to read them.
const (
	inputsReady       = infrav1.LibvirtMachineInputsReadyCondition
	hostAssigned      = infrav1.LibvirtMachineHostAssignedCondition
	addressesReady    = infrav1.LibvirtMachineAddressesReadyCondition
	bootstrapRendered = infrav1.LibvirtMachineBootstrapRenderedCondition
	imageReady        = infrav1.LibvirtMachineImageReadyCondition
	volumesReady      = infrav1.LibvirtMachineVolumesReadyCondition
	domainRunning     = infrav1.LibvirtMachineDomainRunningCondition
	bootstrapRemoved  = infrav1.LibvirtMachineBootstrapDataRemovedCondition
)

// phaseConditions returns the conditions in order. All have to be true for Ready, but the last: a machine is ready
// before it has joined its cluster, and unready when its secrets cannot be removed afterwards.
func phaseConditions() []string {
	return []string{
		inputsReady, hostAssigned, addressesReady, bootstrapRendered, imageReady, volumesReady, domainRunning, bootstrapRemoved,
	}
}

//nolint:gochecknoglobals // an option of the patch, never changed
var ownedConditions = patch.WithOwnedConditions{Conditions: append(phaseConditions(), infrav1.ReadyCondition)}

// step makes a phase that remembers how it went.
func (s *scope) step(condition string, run phase.Func[scope]) phase.Func[scope] {
	return func(ctx context.Context, s *scope) error {
		if err := run(ctx, s); err != nil {
			s.reached[condition], s.stopped = false, condition
			return err
		}
		s.reached[condition] = true
		return nil
	}
}

// guard makes a phase whose success is not yet that of the condition.
func (s *scope) guard(condition string, run phase.Func[scope]) phase.Func[scope] {
	return func(ctx context.Context, s *scope) error {
		err := run(ctx, s)
		if err != nil {
			s.reached[condition], s.stopped = false, condition
		}
		return err
	}
}

// updateStatus writes all conditions and what else the status tells. It is the only writer of conditions.
func (r *Reconciler) updateStatus(s *scope, result error) {
	s.lm.Status.ObservedGeneration = s.lm.Generation
	if s.host != nil {
		s.lm.Status.FailureDomain = inventory.FailureDomain(s.host)
	}
	if s.domain != nil {
		s.lm.Status.Domain.Name = s.domain.Name
		s.lm.Status.Domain.State = string(s.domain.State)
		s.lm.Status.Domain.ConsoleLog = domainxml.ConsoleLogPath(s.domain.Name)
	}
	if !s.lm.DeletionTimestamp.IsZero() {
		deletingConditions(s, result)
		return
	}
	if len(s.nics) > 0 {
		s.lm.Status.Addresses = machineAddresses(s)
	}
	if s.domain != nil && s.domain.State == virt.DomainRunning && s.reached[domainRunning] {
		s.lm.Status.Initialization.Provisioned = ptr.To(true)
	}
	for _, condition := range phaseConditions() {
		conditions.Set(s.lm, phaseCondition(s, condition, result))
	}
	conditions.Set(s.lm, readyCondition(s))
}

// phaseCondition tells how a phase went. One that was not reached keeps what was true: neither disks nor addresses go
// away because a host does not answer. Nothing but what people see depends on it.
func phaseCondition(s *scope, condition string, result error) metav1.Condition {
	done, tried := s.reached[condition]
	switch {
	case tried && done:
		return condTrue(condition)
	case s.stopped == condition && result != nil:
		reason, message := explain(result)
		return metav1.Condition{Type: condition, Status: stoppedStatus(condition, reason), Reason: reason, Message: message}
	case conditions.IsTrue(s.lm, condition):
		return condTrue(condition)
	}
	return metav1.Condition{Type: condition, Status: metav1.ConditionUnknown, Reason: infrav1.LibvirtMachineWaitingReason}
}

func condTrue(condition string) metav1.Condition {
	return metav1.Condition{Type: condition, Status: metav1.ConditionTrue, Reason: infrav1.LibvirtMachineReadyReason}
}

// stoppedStatus is Unknown where nothing is known, and where waiting is how things shall be.
func stoppedStatus(condition, reason string) metav1.ConditionStatus {
	if reason == infrav1.LibvirtMachineHostUnreachableReason ||
		(condition == bootstrapRemoved && reason == infrav1.LibvirtMachineWaitingForNodeReason) {
		return metav1.ConditionUnknown
	}
	return metav1.ConditionFalse
}

// readyCondition sums up: it repeats the first phase that is not as it shall be.
func readyCondition(s *scope) metav1.Condition {
	for _, name := range phaseConditions() {
		c := conditions.Get(s.lm, name)
		if c == nil || c.Status == metav1.ConditionTrue || c.Reason == infrav1.LibvirtMachineWaitingReason && name != s.stopped {
			continue
		}
		if name == bootstrapRemoved && c.Reason == infrav1.LibvirtMachineWaitingForNodeReason {
			continue
		}
		message := name
		if c.Message != "" {
			message += ": " + c.Message
		}
		return metav1.Condition{Type: infrav1.ReadyCondition, Status: metav1.ConditionFalse, Reason: c.Reason, Message: message}
	}
	if s.stopped != "" && s.stopped != bootstrapRemoved {
		return metav1.Condition{Type: infrav1.ReadyCondition, Status: metav1.ConditionFalse, Reason: infrav1.LibvirtMachineNotReadyReason}
	}
	return condTrue(infrav1.ReadyCondition)
}

func deletingConditions(s *scope, result error) {
	reason, message := infrav1.LibvirtMachineDeletingReason, ""
	if result != nil {
		reason, message = explain(result)
	}
	conditions.Set(s.lm, metav1.Condition{Type: domainRunning, Status: metav1.ConditionFalse, Reason: infrav1.LibvirtMachineDeletingReason})
	conditions.Set(s.lm, metav1.Condition{Type: infrav1.ReadyCondition, Status: metav1.ConditionFalse, Reason: reason, Message: message})
}

// explain gives reason and message of what a phase returned.
func explain(err error) (reason, message string) {
	if wait, ok := outcome.AsWait(err); ok {
		return orFailed(wait.Reason), wait.Message
	}
	if terminal, ok := outcome.AsTerminal(err); ok {
		return orFailed(terminal.Reason), terminal.Err.Error()
	}
	return infrav1.LibvirtMachineFailedReason, err.Error()
}

func orFailed(reason string) string {
	if reason == "" {
		return infrav1.LibvirtMachineFailedReason
	}
	return reason
}

// ignoreOutcome drops what is no error: the patch's own error decides what happens next.
func ignoreOutcome(err error) error {
	if _, ok := outcome.AsWait(err); ok {
		return nil
	}
	return err
}

// announce tells people of changes, after they are stored.
func (r *Reconciler) announce(s *scope, result error) {
	after := conditions.Get(s.lm, infrav1.ReadyCondition)
	if after == nil || s.readyBefore == after.Reason {
		return
	}
	kind := corev1.EventTypeNormal
	if warns(after.Reason, result) {
		kind = corev1.EventTypeWarning
	}
	message := after.Message
	if message == "" {
		message = "the machine is " + s.lm.Status.Domain.State
	}
	event.Emit(r.Recorder, s.lm, kind, after.Reason, "Reconcile", message)
}

// warns says whether people should look. A wait is for something that comes by itself, or for a person who has to mend
// what its reason names.
func warns(reason string, result error) bool {
	if _, waits := outcome.AsWait(result); !waits {
		return result != nil && !errors.Is(result, context.Canceled)
	}
	switch reason {
	case infrav1.LibvirtMachineNoHostFitsReason, infrav1.LibvirtMachineHostUnknownReason, infrav1.LibvirtMachineHostUnreachableReason,
		infrav1.LibvirtMachineAddressInvalidReason, infrav1.LibvirtMachineBootstrapInvalidReason, infrav1.LibvirtMachineProfileMissingReason,
		infrav1.LibvirtMachineImageInvalidReason, infrav1.LibvirtMachineImageUnavailableReason,
		infrav1.LibvirtMachineStorageFullReason, infrav1.LibvirtMachineStoragePoolMissingReason, infrav1.LibvirtMachineBridgeMissingReason,
		infrav1.LibvirtMachineDomainMissingReason, infrav1.LibvirtMachineDomainStoppedReason, infrav1.LibvirtMachineDomainRejectedReason,
		infrav1.LibvirtMachineForeignDomainReason, infrav1.LibvirtMachineFailedReason:
		return true
	}
	return false
}

// machineAddresses are the node's name and what its interfaces have.
func machineAddresses(s *scope) []clusterv1.MachineAddress {
	list := []clusterv1.MachineAddress{{Type: clusterv1.MachineHostName, Address: s.hostname()}}
	for _, n := range s.nics {
		for _, prefix := range n.addresses {
			list = append(list, clusterv1.MachineAddress{Type: clusterv1.MachineInternalIP, Address: prefix.Addr().String()})
		}
	}
	return list
}
