// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package statuscheck has the invariants of the conditions of all kinds.
package statuscheck

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

// Object has conditions.
type Object interface {
	client.Object
	conditions.Getter
}

// kind is what holds for the conditions of one kind.
type kind struct {
	// counted are the conditions that Ready sums up, in the order in which it looks for the first that is not done.
	counted []string
	// beside are conditions that Ready leaves out.
	beside []string
	// waiting is the reason of a condition that waits for one before it.
	waiting string
	// afterReady is the reason for which the last counted condition may be Unknown in an object that is ready.
	afterReady string
}

func kindOf(o Object) (kind, bool) {
	switch o.(type) {
	case *infrav1.LibvirtMachine:
		return kind{
			counted: []string{
				infrav1.LibvirtMachineInputsReadyCondition, infrav1.LibvirtMachineHostAssignedCondition,
				infrav1.LibvirtMachineAddressesReadyCondition, infrav1.LibvirtMachineBootstrapRenderedCondition,
				infrav1.LibvirtMachineImageReadyCondition, infrav1.LibvirtMachineVolumesReadyCondition,
				infrav1.LibvirtMachineDomainRunningCondition, infrav1.LibvirtMachineBootstrapDataRemovedCondition,
			},
			waiting: infrav1.LibvirtMachineWaitingReason, afterReady: infrav1.LibvirtMachineWaitingForNodeReason,
		}, true
	case *infrav1.LibvirtCluster:
		return kind{
			counted: []string{
				infrav1.LibvirtClusterHostsReadyCondition, infrav1.LibvirtClusterEndpointReadyCondition,
				infrav1.LibvirtClusterLoadBalancerReadyCondition,
			},
			waiting: infrav1.LibvirtClusterWaitingReason,
		}, true
	case *infrav1.LibvirtHost:
		return kind{
			counted: []string{
				infrav1.LibvirtHostReachableCondition, infrav1.LibvirtHostNetworkReadyCondition, infrav1.LibvirtHostStorageReadyCondition,
			},
			beside:  []string{infrav1.LibvirtHostLoadBalancerReadyCondition},
			waiting: infrav1.LibvirtHostWaitingReason,
		}, true
	case *bootstrapv1.AltcosBootstrapConfig:
		return kind{
			counted: []string{
				bootstrapv1.AltcosBootstrapConfigKubeadmDataReadyCondition, bootstrapv1.AltcosBootstrapConfigDataSecretAvailableCondition,
			},
			waiting: bootstrapv1.AltcosBootstrapConfigWaitingReason,
		}, true
	}
	return kind{}, false
}

// Check fails the test for what is wrong with the conditions of an object that a Reconciler has looked at.
func Check(t testing.TB, o Object) {
	t.Helper()
	k, known := kindOf(o)
	if !known {
		report(t, o, []string{"its kind is not known to statuscheck"})
		return
	}
	problems := slices.Concat(k.each(o), observed(o, func(generation int64) bool { return generation <= o.GetGeneration() }))
	report(t, o, append(problems, k.ready(o)...))
}

// CheckTransition fails the test when the time of a condition's last transition has changed and its status has not.
func CheckTransition(t testing.TB, before, after Object) {
	t.Helper()
	var problems []string
	for _, c := range after.GetConditions() {
		old := conditions.Get(before, c.Type)
		if old != nil && old.Status == c.Status && !old.LastTransitionTime.Equal(&c.LastTransitionTime) {
			problems = append(problems, fmt.Sprintf("%s stays %s and its transition moves from %s to %s", c.Type, c.Status, old.LastTransitionTime, c.LastTransitionTime))
		}
	}
	report(t, after, problems)
}

// CheckSettled fails the test unless the status of an object, which another look of the Reconciler does not change, is
// about the object as it is.
func CheckSettled(t testing.TB, o Object) {
	t.Helper()
	if paused := conditions.Get(o, clusterv1.PausedCondition); paused == nil || paused.Status == metav1.ConditionTrue {
		return // nobody has looked
	}
	var problems []string
	if !conditions.Has(o, clusterv1.ReadyCondition) {
		problems = append(problems, "Ready is absent")
	}
	report(t, o, append(problems, observed(o, func(generation int64) bool { return generation == o.GetGeneration() })...))
}

func report(t testing.TB, o Object, problems []string) {
	t.Helper()
	if len(problems) > 0 {
		t.Errorf("conditions of %T %q: %s", o, client.ObjectKeyFromObject(o), strings.Join(problems, "; "))
	}
}

// observed looks at the generations of the status and its conditions; of an object that is deleted only Ready is written.
func observed(o Object, fits func(int64) bool) (problems []string) {
	if status := reflect.ValueOf(o).Elem().FieldByName("Status").FieldByName("ObservedGeneration").Int(); !fits(status) {
		problems = append(problems, fmt.Sprintf("status is of generation %d and the object of %d", status, o.GetGeneration()))
	}
	for _, c := range o.GetConditions() {
		counts := c.Type == clusterv1.ReadyCondition || o.GetDeletionTimestamp().IsZero()
		if counts && !fits(c.ObservedGeneration) {
			problems = append(problems, fmt.Sprintf("%s is of generation %d and the object of %d", c.Type, c.ObservedGeneration, o.GetGeneration()))
		}
	}
	return problems
}

// each looks at each condition for itself.
func (k kind) each(o Object) (problems []string) {
	types := slices.Concat(k.counted, k.beside, []string{clusterv1.ReadyCondition, clusterv1.PausedCondition})
	for _, c := range o.GetConditions() {
		if !slices.Contains(types, c.Type) {
			problems = append(problems, c.Type+" is not a condition of this kind")
		}
		if c.Reason == "" {
			problems = append(problems, c.Type+" has no reason")
		}
		if c.Status == metav1.ConditionFalse && c.Type != clusterv1.PausedCondition && strings.TrimSpace(c.Message) == "" {
			problems = append(problems, c.Type+" is False and does not say why")
		}
	}
	return problems
}

// ready compares Ready with the phases. It tells of the removal while an object is deleted.
func (k kind) ready(o Object) []string {
	ready := conditions.Get(o, clusterv1.ReadyCondition)
	first := k.firstUndone(o)
	switch {
	case ready == nil && first == nil || ready != nil && !o.GetDeletionTimestamp().IsZero():
		return nil
	case ready == nil:
		return []string{"Ready is absent"}
	case ready.Status == metav1.ConditionTrue && first != nil:
		return []string{fmt.Sprintf("Ready is True and %s is %s", first.Type, first.Status)}
	case ready.Status != metav1.ConditionTrue && first != nil && (ready.Reason != first.Reason || !repeats(ready.Message, first)):
		return []string{fmt.Sprintf("Ready says %s %q and not what %s says first: %s %q", ready.Reason, ready.Message, first.Type, first.Reason, first.Message)}
	}
	return nil
}

func repeats(message string, c *metav1.Condition) bool {
	return message == strings.TrimSuffix(c.Type+": "+c.Message, ": ")
}

// firstUndone returns the first phase that Ready has to repeat.
func (k kind) firstUndone(o Object) *metav1.Condition {
	for _, name := range k.counted {
		c := conditions.Get(o, name)
		if c == nil || c.Status == metav1.ConditionTrue {
			continue
		}
		if c.Status == metav1.ConditionFalse || c.Reason != k.waiting && c.Reason != k.afterReady {
			return c
		}
	}
	return nil
}
