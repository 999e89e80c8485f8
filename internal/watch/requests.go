// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Requests lists objects as requests. A list that fails is logged: the next change of the watched object, or the resync,
// finds them.
func Requests(ctx context.Context, c client.Client, list client.ObjectList, options ...client.ListOption) []reconcile.Request {
	if err := c.List(ctx, list, options...); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing objects to wake")
		return nil
	}
	var requests []reconcile.Request
	_ = meta.EachListItem(list, func(item runtime.Object) error { // returns only errors of this function
		if o, ok := item.(client.Object); ok {
			requests = append(requests, Request(o.GetNamespace(), o.GetName()))
		}
		return nil
	})
	return requests
}

// Request names one object.
func Request(namespace, name string) reconcile.Request {
	return reconcile.Request{NamespacedName: client.ObjectKey{Namespace: namespace, Name: name}}
}
