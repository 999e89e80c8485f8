// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package management

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/manifest"
)

// fieldOwner owns what the lab applies.
const fieldOwner = client.FieldOwner("altcos-lab")

// establishLimit is how long kube-apiserver may take to serve a new kind.
const establishLimit = time.Minute

// Client is the administrator's client. It has the types of Kubernetes; others are unstructured objects.
func (c *Cluster) Client() client.Client { return c.client }

// Apply makes the cluster's object equal to this one, whose kind must be set.
func (c *Cluster) Apply(ctx context.Context, object client.Object) error {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return fmt.Errorf("convert %T: %w", object, err)
	}
	applied := &unstructured.Unstructured{Object: content}
	unstructured.RemoveNestedField(applied.Object, "metadata", "creationTimestamp")
	unstructured.RemoveNestedField(applied.Object, "status")
	err = c.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(applied), fieldOwner, client.ForceOwnership)
	if err != nil {
		return fmt.Errorf("apply %s %q: %w", applied.GetKind(), client.ObjectKeyFromObject(applied), err)
	}
	return nil
}

// InstallCRDs applies the custom resource definitions below the paths and returns when they are served.
func (c *Cluster) InstallCRDs(ctx context.Context, paths ...string) error {
	definitions, err := manifest.CRDs(paths...)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for _, definition := range definitions {
		group.Go(func() error {
			if err := c.Apply(ctx, definition); err != nil {
				return err
			}
			return c.awaitEstablished(ctx, definition.Name)
		})
	}
	return group.Wait()
}

func (c *Cluster) awaitEstablished(ctx context.Context, name string) error {
	var last error
	err := poll(ctx, establishLimit, func() bool {
		definition := &apiextensionsv1.CustomResourceDefinition{}
		if last = c.client.Get(ctx, client.ObjectKey{Name: name}, definition); last != nil {
			return false
		}
		for _, condition := range definition.Status.Conditions {
			if condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue {
				return true
			}
		}
		return false
	})
	if err != nil {
		return fmt.Errorf("wait until CRD %q is established: %w", name, errors.Join(err, last))
	}
	return nil
}
