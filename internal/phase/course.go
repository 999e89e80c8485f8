// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package phase

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/finalizers"
	"sigs.k8s.io/cluster-api/util/labels"
	"sigs.k8s.io/cluster-api/util/patch"
	"sigs.k8s.io/cluster-api/util/paused"
)

// Read reads the object of a request and reports whether to reconcile it: not if it is gone, or does not match the filter,
// the value of the label cluster.x-k8s.io/watch-filter. Watches of other kinds also wake objects without that label.
func Read(ctx context.Context, c client.Reader, req ctrl.Request, object client.Object, filter string) (ours bool, err error) {
	if err := c.Get(ctx, req.NamespacedName, object); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	return filter == "" || labels.HasWatchLabel(object, filter), nil
}

// Course describes what a reconciliation does around the phases of an object.
type Course struct {
	// Client reads from the manager's cache and writes.
	Client client.Client
	// Recorder of events.
	Recorder events.EventRecorder
	// Cluster pauses the object when it is paused itself; nil for none.
	Cluster *clusterv1.Cluster
	// Finalizer keeps the object until Remove has succeeded; empty for a kind without Remove.
	Finalizer string
	// Timeout bounds the phases, so that a host that hangs neither holds a worker for long nor keeps the status from being
	// stored; 0 for none.
	Timeout time.Duration
	// Ensure moves the object towards its spec, as far as possible now.
	Ensure func(context.Context) error
	// Remove removes what the object has outside of the API.
	Remove func(context.Context) error
	// Describe writes the status except for the conditions.
	Describe func()
	// Summary is the message of the event when the object has become ready.
	Summary string
	// LookAgain is when to reconcile again without an event, if no phase asks for it; nil for never.
	LookAgain func() time.Duration
}

// Run reconciles the record's object: finalizer, pause, phases, status, event. Errors that people must see belong in the
// phases, since only those are reported in the status.
func (r *Record) Run(ctx context.Context, c Course) (ctrl.Result, error) {
	if c.Finalizer != "" {
		if added, err := finalizers.EnsureFinalizer(ctx, c.Client, r.object, c.Finalizer); err != nil || added {
			return ctrl.Result{}, err
		}
	}
	// Before Paused, whose observed generation is stored with the other conditions.
	patcher, err := patch.NewHelper(r.object, c.Client)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("prepare patch: %w", err)
	}
	if isPaused, requeue, err := paused.EnsurePausedCondition(ctx, c.Client, c.Cluster, r.object); err != nil || isPaused || requeue {
		return ctrl.Result{}, err
	}
	result := r.phases(ctx, c)
	c.Describe()
	res, err := r.Finish(ctx, Ending{Patcher: patcher, Recorder: c.Recorder, Summary: c.Summary}, result)
	gone := !r.object.GetDeletionTimestamp().IsZero() && !controllerutil.ContainsFinalizer(r.object, c.Finalizer)
	if err == nil && res.RequeueAfter == 0 && c.LookAgain != nil && !gone {
		res.RequeueAfter = c.LookAgain()
	}
	return res, err
}

func (r *Record) phases(ctx context.Context, c Course) error {
	if c.Timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, c.Timeout)
		defer cancel()
		ctx = limited
	}
	if r.object.GetDeletionTimestamp().IsZero() {
		return c.Ensure(ctx)
	}
	if err := c.Remove(ctx); err != nil {
		return err
	}
	controllerutil.RemoveFinalizer(r.object, c.Finalizer)
	return nil
}
