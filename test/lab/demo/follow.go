// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const followInterval = 3 * time.Second

// followed are the kinds whose conditions people see change.
var followed = []schema.GroupVersionKind{
	{Group: "cluster.x-k8s.io", Version: "v1beta2", Kind: "Cluster"},
	{Group: "controlplane.cluster.x-k8s.io", Version: "v1beta2", Kind: "KubeadmControlPlane"},
	{Group: "cluster.x-k8s.io", Version: "v1beta2", Kind: "MachineDeployment"},
	{Group: "cluster.x-k8s.io", Version: "v1beta2", Kind: "Machine"},
	{Group: "infrastructure.cluster.x-k8s.io", Version: "v1alpha1", Kind: "LibvirtHost"},
	{Group: "infrastructure.cluster.x-k8s.io", Version: "v1alpha1", Kind: "LibvirtCluster"},
	{Group: "infrastructure.cluster.x-k8s.io", Version: "v1alpha1", Kind: "LibvirtMachine"},
	{Group: "bootstrap.cluster.x-k8s.io", Version: "v1alpha1", Kind: "AltcosBootstrapConfig"},
}

// unremarkable are the conditions of Cluster API that say nothing about the way to a first cluster.
var unremarkable = []string{
	"Paused", "RollingOut", "Remediating", "ScalingUp", "ScalingDown", "Updating", "Deleting", "UpToDate", "MachinesUpToDate",
	"ControlPlaneMachinesUpToDate", "WorkerMachinesUpToDate", "MachinesReady", "ControlPlaneMachinesReady", "WorkerMachinesReady",
	"RemoteConnectionProbe",
}

// follower prints what changes.
type follower struct {
	*lab
	client client.Client
	seen   map[string]string
	last   string
}

// follow prints changes until the cluster is ready, and the whole of it then.
func (l *lab) follow(ctx context.Context, p products) error {
	c, err := l.client(l.kubeconfig())
	if err != nil {
		return err
	}
	f := &follower{lab: l, client: c, seen: map[string]string{}}
	ctx, cancel := context.WithTimeout(ctx, l.Limit)
	defer cancel()
	ticker := time.NewTicker(followInterval)
	defer ticker.Stop()
	for {
		f.printChanges(ctx)
		reason := f.missing(ctx)
		if reason == nil {
			l.say("the cluster is ready")
			return l.report(ctx, p.binaries)
		}
		if reason.Error() != f.last {
			f.last = reason.Error()
			l.say("waiting: %s", f.last)
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return errors.New("interrupted; everything stays as it is, run it again to continue")
			}
			l.explain()
			return fmt.Errorf("the cluster is not ready after %s: %w", l.Limit, reason)
		case <-ticker.C:
		}
	}
}

func (f *follower) printChanges(ctx context.Context) {
	objects, err := listFollowed(ctx, f.client)
	if err != nil {
		return // an API server that starts anew; the next look tells
	}
	for _, object := range objects {
		for _, c := range conditionsOf(object) {
			f.printCondition(object, c)
		}
	}
	events := &corev1.EventList{}
	if f.client.List(ctx, events) != nil {
		return
	}
	for _, event := range events.Items {
		if event.Type == corev1.EventTypeWarning {
			f.once("event/"+string(event.UID), event.Reason, "%s %s: warning %s: %s",
				event.InvolvedObject.Kind, event.InvolvedObject.Name, event.Reason, oneLine(event.Message))
		}
	}
}

// listFollowed returns all objects of the followed kinds.
func listFollowed(ctx context.Context, c client.Client) ([]unstructured.Unstructured, error) {
	var objects []unstructured.Unstructured
	for _, kind := range followed {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind)
		if err := c.List(ctx, list); err != nil {
			return nil, fmt.Errorf("list %s: %w", kind.Kind, err)
		}
		objects = append(objects, list.Items...)
	}
	return objects, nil
}

// condition is what is read of a condition.
type condition struct{ kind, status, reason, message string }

func conditionsOf(object unstructured.Unstructured) []condition {
	entries, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	found := make([]condition, 0, len(entries))
	for _, entry := range entries {
		fields, _ := entry.(map[string]any)
		text := func(name string) string { value, _ := fields[name].(string); return value }
		found = append(found, condition{text("type"), text("status"), text("reason"), text("message")})
	}
	return found
}

func (f *follower) printCondition(object unstructured.Unstructured, c condition) {
	if slices.Contains(unremarkable, c.kind) || c.status == "Unknown" {
		return
	}
	f.once(object.GetKind()+"/"+object.GetName()+"/"+c.kind, c.status+c.reason, "%s %s: %s=%s %s %s",
		object.GetKind(), object.GetName(), c.kind, c.status, c.reason, oneLine(c.message))
}

// once prints a line unless the value under key is the one seen last.
func (f *follower) once(key, value, format string, arguments ...any) {
	if f.seen[key] != value {
		f.seen[key] = value
		f.say(format, arguments...)
	}
}

func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > 160 {
		return string(runes[:160]) + "…"
	}
	return text
}
