// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/watch"
)

func TestAllButStatus_leavesOutWhatWeWriteOurselves(t *testing.T) {
	now := metav1.Now()
	for _, c := range []struct {
		name   string
		change func(*infrav1.LibvirtHost)
		wakes  bool
	}{
		{"a resync, which changes nothing", func(h *infrav1.LibvirtHost) { h.ResourceVersion = "1" }, true},
		{"the spec", func(h *infrav1.LibvirtHost) { h.Generation++ }, true},
		{"a deletion", func(h *infrav1.LibvirtHost) { h.DeletionTimestamp = &now }, true},
		{"a label", func(h *infrav1.LibvirtHost) { h.Labels = map[string]string{"a": "b"} }, true},
		{"an annotation", func(h *infrav1.LibvirtHost) { h.Annotations = map[string]string{"a": "b"} }, true},
		{"an owner", func(h *infrav1.LibvirtHost) { h.OwnerReferences = []metav1.OwnerReference{{Name: "o"}} }, true},
		{"a finalizer", func(h *infrav1.LibvirtHost) { h.Finalizers = []string{"f"} }, true},
		{"Paused", func(h *infrav1.LibvirtHost) {
			conditions.Set(h, metav1.Condition{Type: infrav1.PausedCondition, Status: metav1.ConditionFalse, Reason: "NotPaused"})
		}, true},
		{"the reason of Paused", func(h *infrav1.LibvirtHost) {
			conditions.Set(h, metav1.Condition{Type: infrav1.PausedCondition, Status: metav1.ConditionUnknown, Reason: "Other"})
		}, true},
		{"Ready", func(h *infrav1.LibvirtHost) {
			conditions.Set(h, metav1.Condition{Type: infrav1.ReadyCondition, Status: metav1.ConditionTrue, Reason: "Ready"})
		}, false},
		{"managed fields", func(h *infrav1.LibvirtHost) { h.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "m"}} }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := &infrav1.LibvirtHost{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "1", Generation: 1}}
			after := before.DeepCopy()
			after.ResourceVersion = "2"
			c.change(after)
			if wakes := watch.AllButStatus().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after}); wakes != c.wakes {
				t.Errorf("wakes is %t", wakes)
			}
		})
	}
}

// passes tells which of the events of an object a predicate passes.
func passes(p predicate.Predicate, o client.Object) (names []string) {
	for name, passed := range map[string]bool{
		"create": p.Create(event.CreateEvent{Object: o}),
		"update": p.Update(event.UpdateEvent{ObjectOld: o, ObjectNew: o}),
		"delete": p.Delete(event.DeleteEvent{Object: o}),
		"other":  p.Generic(event.GenericEvent{Object: o}),
	} {
		if passed {
			names = append(names, name)
		}
	}
	return names
}

func TestPredicates_passOnlyTheirEvents(t *testing.T) {
	host := &infrav1.LibvirtHost{ObjectMeta: metav1.ObjectMeta{Name: "h"}}
	named := func(name string) func(client.Object) bool {
		return func(o client.Object) bool { return o.GetName() == name }
	}
	for _, c := range []struct {
		name      string
		predicate predicate.Predicate
		want      []string
	}{
		{"deletions", watch.Deletions(), []string{"delete"}},
		{"creations", watch.Creations(named("h")), []string{"create"}},
		{"creations of others", watch.Creations(named("x")), nil},
		{"updates of another kind", predicate.And(watch.Updates(func(_, _ *corev1.Secret) bool { return true }), updatesOnly()), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, passes(c.predicate, host)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func updatesOnly() predicate.Predicate {
	no := watch.Creations(func(client.Object) bool { return false })
	return predicate.Funcs{CreateFunc: no.Create, DeleteFunc: no.Delete, GenericFunc: no.Generic}
}

func TestConditionChanged_ofObjectsWithoutConditionsIsFalse(t *testing.T) {
	if watch.ConditionChanged(&corev1.Secret{}, &corev1.Secret{}, infrav1.ReadyCondition) {
		t.Error("a Secret changed its condition")
	}
}

func TestRequests_nameWhatIsListed(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := infrav1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	broken := false
	c := fake.NewClientBuilder().WithScheme(scheme).
		WithObjects(&infrav1.LibvirtMachine{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "m"}}, &infrav1.LibvirtMachine{ObjectMeta: metav1.ObjectMeta{Namespace: "b", Name: "m"}}).
		WithInterceptorFuncs(interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if broken {
				return errors.New("no answer")
			}
			return c.List(ctx, list, options...)
		}}).Build()
	want := []reconcile.Request{watch.Request("a", "m"), watch.Request("b", "m")}
	if diff := cmp.Diff(want, watch.Requests(t.Context(), c, &infrav1.LibvirtMachineList{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[1:], watch.Requests(t.Context(), c, &infrav1.LibvirtMachineList{}, client.InNamespace("b"))); diff != "" {
		t.Error(diff)
	}
	broken = true
	if got := watch.Requests(t.Context(), c, &infrav1.LibvirtMachineList{}); len(got) > 0 {
		t.Errorf("a list that fails gives %v", got)
	}
}
