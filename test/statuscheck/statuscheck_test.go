// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package statuscheck_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/test/statuscheck"
)

// recorder is a test that goes on.
type recorder struct {
	testing.TB
	told string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) { r.told += fmt.Sprintf(format, args...) }

const generation = 3

var since = metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))

func condition(name string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: name, Status: status, Reason: reason, Message: message, ObservedGeneration: generation, LastTransitionTime: since}
}

// machine has a host, waits for its address, and has not come to the rest.
func machine(changes ...func(*infrav1.LibvirtMachine)) *infrav1.LibvirtMachine {
	lm := &infrav1.LibvirtMachine{ObjectMeta: metav1.ObjectMeta{Generation: generation}}
	lm.Status.ObservedGeneration = generation
	lm.Status.Conditions = []metav1.Condition{
		condition(infrav1.ReadyCondition, metav1.ConditionFalse, "Slow", "AddressesReady: the pool is slow"),
		condition(infrav1.PausedCondition, metav1.ConditionFalse, "NotPaused", ""),
		condition(infrav1.LibvirtMachineHostAssignedCondition, metav1.ConditionTrue, "Ready", ""),
		condition(infrav1.LibvirtMachineImageReadyCondition, metav1.ConditionUnknown, infrav1.LibvirtMachineWaitingReason, ""),
		condition(infrav1.LibvirtMachineAddressesReadyCondition, metav1.ConditionFalse, "Slow", "the pool is slow"),
	}
	for _, change := range changes {
		change(lm)
	}
	return lm
}

// with changes one condition.
func with(name string, change func(*metav1.Condition)) func(*infrav1.LibvirtMachine) {
	return func(lm *infrav1.LibvirtMachine) {
		for i := range lm.Status.Conditions {
			if lm.Status.Conditions[i].Type == name {
				change(&lm.Status.Conditions[i])
			}
		}
	}
}

func without(name string) func(*infrav1.LibvirtMachine) {
	return func(lm *infrav1.LibvirtMachine) {
		lm.Status.Conditions = slices.DeleteFunc(lm.Status.Conditions, func(c metav1.Condition) bool { return c.Type == name })
	}
}

func deleted(lm *infrav1.LibvirtMachine) { lm.DeletionTimestamp = &since }

func said(message string) func(*metav1.Condition) {
	return func(c *metav1.Condition) { c.Message = message }
}

func observed(generation int64) func(*metav1.Condition) {
	return func(c *metav1.Condition) { c.ObservedGeneration = generation }
}

func status(status metav1.ConditionStatus, reason string) func(*metav1.Condition) {
	return func(c *metav1.Condition) { c.Status, c.Reason, c.Message = status, reason, "" }
}

// node is another kind.
type node struct{ corev1.Node }

func (*node) GetConditions() []metav1.Condition { return nil }

type cases map[string]struct {
	object statuscheck.Object
	want   string
}

func (all cases) run(t *testing.T, check func(testing.TB, statuscheck.Object)) {
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			r := &recorder{}
			check(r, c.object)
			if c.want == "" && r.told != "" || !strings.Contains(r.told, c.want) {
				t.Errorf("statuscheck says %q, want %q", r.told, c.want)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	const ready, addresses, image = infrav1.ReadyCondition, infrav1.LibvirtMachineAddressesReadyCondition, infrav1.LibvirtMachineImageReadyCondition
	cases{
		"as it should be":                   {machine(), ""},
		"not looked at yet":                 {&infrav1.LibvirtMachine{}, ""},
		"another kind":                      {&node{}, "kind is not known"},
		"an unknown condition":              {machine(with(image, func(c *metav1.Condition) { c.Type = "Strange" })), "Strange is not a condition of this kind"},
		"a condition of another kind":       {machine(with(image, func(c *metav1.Condition) { c.Type = infrav1.LibvirtHostReachableCondition })), "Reachable is not"},
		"no reason":                         {machine(with(image, func(c *metav1.Condition) { c.Reason = "" })), "ImageReady has no reason"},
		"False without a message":           {machine(with(addresses, said(""))), "AddressesReady is False and does not say why"},
		"False with an empty line":          {machine(with(addresses, said(" \n"))), "AddressesReady is False and does not say why"},
		"a status of the future":            {machine(func(lm *infrav1.LibvirtMachine) { lm.Status.ObservedGeneration = 4 }), "status is of generation 4"},
		"a condition of the future":         {machine(with(image, observed(4))), "ImageReady is of generation 4"},
		"no Ready":                          {machine(without(ready)), "Ready is absent"},
		"Ready with another reason":         {machine(with(ready, func(c *metav1.Condition) { c.Reason = "NotReady" })), "not what AddressesReady says first"},
		"Ready with another message":        {machine(with(ready, said("the pool is slow"))), "not what AddressesReady says first"},
		"Ready repeats a later phase":       {machine(with(infrav1.LibvirtMachineHostAssignedCondition, status(metav1.ConditionUnknown, "HostUnreachable"))), "not what HostAssigned says first"},
		"Ready although a phase is not":     {machine(with(ready, status(metav1.ConditionTrue, "Ready"))), "Ready is True and AddressesReady is False"},
		"Ready before it is a node":         {machine(with(ready, status(metav1.ConditionTrue, "Ready")), with(addresses, status(metav1.ConditionUnknown, infrav1.LibvirtMachineWaitingForNodeReason))), ""},
		"being deleted":                     {machine(deleted, with(ready, func(c *metav1.Condition) { c.Reason, c.Message = "Deleting", "the domain is removed" })), ""},
		"being deleted, without a reason":   {machine(deleted, with(ready, func(c *metav1.Condition) { c.Reason = "" })), "Ready has no reason"},
		"being deleted, of another version": {machine(deleted, with(ready, observed(4)), with(image, observed(5))), "Ready is of generation 4 and the object of 3"},
	}.run(t, statuscheck.Check)
}

func TestCheckSettled(t *testing.T) {
	cases{
		"as it should be":         {machine(), ""},
		"nobody has looked":       {&infrav1.LibvirtMachine{}, ""},
		"no Ready":                {machine(without(infrav1.ReadyCondition)), "Ready is absent"},
		"an old status":           {machine(func(lm *infrav1.LibvirtMachine) { lm.Status.ObservedGeneration = 2 }), "status is of generation 2"},
		"an old condition":        {machine(with(infrav1.LibvirtMachineImageReadyCondition, observed(2))), "ImageReady is of generation 2"},
		"an old one while paused": {machine(func(lm *infrav1.LibvirtMachine) { lm.Generation++ }, with(clusterv1.PausedCondition, status(metav1.ConditionTrue, "Paused"))), ""},
	}.run(t, statuscheck.CheckSettled)
}

func TestCheckTransition(t *testing.T) {
	later := func(c *metav1.Condition) { c.LastTransitionTime = metav1.NewTime(since.Add(time.Minute)) }
	const image = infrav1.LibvirtMachineImageReadyCondition
	cases{
		"nothing changes":             {machine(), ""},
		"a status changes":            {machine(with(image, later), with(image, status(metav1.ConditionTrue, "Ready"))), ""},
		"a reason changes":            {machine(with(image, status(metav1.ConditionUnknown, "Other"))), ""},
		"the time changes":            {machine(with(image, later)), "ImageReady stays Unknown and its transition moves"},
		"the time changes with words": {machine(with(image, later), with(image, said("other"))), "ImageReady stays Unknown"},
	}.run(t, func(tb testing.TB, o statuscheck.Object) { statuscheck.CheckTransition(tb, machine(), o) })
}
