// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package template validates the templates of all our kinds: they are well-formed, and their spec never changes, except in
// the dry runs by which Cluster API's topology controller compares templates.
package template

import (
	"context"
	"fmt"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/topology"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// Validator is an admission.Validator for one kind of template.
type Validator[T client.Object] struct {
	// GroupKind of the template, for messages.
	GroupKind schema.GroupKind
	// Metadata returns spec.template.metadata.
	Metadata func(T) *clusterv1.ObjectMeta
	// Spec returns spec.template.spec.
	Spec func(T) any
	// Validate checks spec.template.spec beyond the CRD's schema. It may be nil.
	Validate func(object T, path *field.Path) field.ErrorList
	// Warn returns what may go wrong with spec.template.spec but does not make it invalid. It may be nil.
	Warn func(ctx context.Context, object T, path *field.Path) admission.Warnings
}

var templatePath = field.NewPath("spec", "template") //nolint:gochecknoglobals // it is never changed

// ValidateCreate refuses malformed templates.
func (v *Validator[T]) ValidateCreate(ctx context.Context, object T) (admission.Warnings, error) {
	return v.verdict(ctx, object, v.wellFormed(object))
}

// ValidateUpdate refuses malformed templates and changes of the spec.
func (v *Validator[T]) ValidateUpdate(ctx context.Context, before, after T) (admission.Warnings, error) {
	request, err := admission.RequestFromContext(ctx)
	if err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("read admission request: %v", err))
	}
	if !after.GetDeletionTimestamp().IsZero() { // finalizers must be removable whatever the object looks like
		return nil, nil
	}
	same := apiequality.Semantic.DeepEqual(v.Spec(before), v.Spec(after))
	if same && apiequality.Semantic.DeepEqual(v.Metadata(before), v.Metadata(after)) {
		return nil, nil // owners, labels and annotations must be writable whatever an earlier version accepted
	}
	errs := v.wellFormed(after)
	if !topology.IsDryRunRequest(request, after) && !same {
		errs = append(errs, field.Forbidden(templatePath.Child("spec"), "cannot be changed; create a new template and refer to it"))
	}
	return v.verdict(ctx, after, errs)
}

// ValidateDelete refuses nothing.
func (v *Validator[T]) ValidateDelete(context.Context, T) (admission.Warnings, error) {
	return nil, nil
}

func (v *Validator[T]) wellFormed(object T) field.ErrorList {
	errs := v.Metadata(object).Validate(templatePath.Child("metadata"))
	if v.Validate != nil {
		errs = append(errs, v.Validate(object, templatePath.Child("spec"))...)
	}
	return errs
}

func (v *Validator[T]) verdict(ctx context.Context, object T, errs field.ErrorList) (admission.Warnings, error) {
	switch {
	case len(errs) > 0:
		return nil, apierrors.NewInvalid(v.GroupKind, object.GetName(), errs)
	case v.Warn == nil:
		return nil, nil
	}
	return v.Warn(ctx, object, templatePath.Child("spec")), nil
}
