// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

// shownEvents is how many events of one object people read.
const shownEvents = 5

// explain prints where to look when the cluster did not become ready.
func (l *lab) explain() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	logs := filepath.Join(l.managementDir(), "logs")
	l.say("the manager's log: %s", filepath.Join(logs, "altcos-manager.log"))
	c, err := l.client(l.kubeconfig())
	if err != nil {
		return
	}
	l.explainEvents(ctx, c)
	machines := &infrav1.LibvirtMachineList{}
	if c.List(ctx, machines) != nil {
		return
	}
	for _, machine := range machines.Items {
		console := machine.Status.Domain.ConsoleLog
		if machine.Spec.Host == "" || machine.Status.Domain.Name == "" {
			continue
		}
		if console == "" { // not observed yet; the product names it after the domain
			console = "/var/log/libvirt/qemu/" + machine.Status.Domain.Name + "-console.log"
		}
		l.say("console of %s (lab host %s cat %s):", machine.Name, machine.Spec.Host, console)
		if host, err := l.host(machine.Spec.Host); err == nil {
			output, _ := host.Exec(ctx, "tail", "-n", "15", console)
			fmt.Fprintln(l.Out, output)
		}
	}
}

// explainEvents prints the last events of what is not ready, whatever their type: normal ones tell how far it came.
func (l *lab) explainEvents(ctx context.Context, c client.Client) {
	objects, err := listFollowed(ctx, c)
	if err != nil {
		l.say("no events: %v", err)
		return
	}
	events := &corev1.EventList{}
	if err := c.List(ctx, events); err != nil {
		l.say("no events: %v", err)
		return
	}
	for _, object := range objects {
		why := unready(object)
		if why == "" {
			continue
		}
		l.say("%s %s is %s, its last events:", object.GetKind(), object.GetName(), why)
		for _, event := range lastEvents(events.Items, object) {
			fmt.Fprintf(l.Out, "  %s  %s %s: %s\n", lastSeen(event).Format(time.TimeOnly), event.Type, event.Reason, event.Message)
		}
	}
}

// lastEvents are those of the object, the newest last.
func lastEvents(events []corev1.Event, object unstructured.Unstructured) []corev1.Event {
	var own []corev1.Event
	for _, event := range events {
		about := event.InvolvedObject
		if about.Kind == object.GetKind() && about.Namespace == object.GetNamespace() && about.Name == object.GetName() {
			own = append(own, event)
		}
	}
	slices.SortStableFunc(own, func(a, b corev1.Event) int { return lastSeen(a).Compare(lastSeen(b)) })
	return own[max(0, len(own)-shownEvents):]
}

// lastSeen is when the event occurred last. The field depends on the API that its author used.
func lastSeen(event corev1.Event) time.Time {
	last := event.CreationTimestamp.Time
	times := []time.Time{event.FirstTimestamp.Time, event.LastTimestamp.Time, event.EventTime.Time}
	if event.Series != nil {
		times = append(times, event.Series.LastObservedTime.Time)
	}
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}
