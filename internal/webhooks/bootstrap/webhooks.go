// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package bootstrap holds the admission webhooks of the bootstrap kinds: what CEL in the CRDs cannot express.
package bootstrap

import (
	"context"
	"fmt"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/profile"
	"github.com/altcos/cluster-api-provider-altcos/internal/webhooks/template"
)

// +kubebuilder:webhookconfiguration:mutating=false,name=altcos-validation
// +kubebuilder:webhook:verbs=create;update,path=/validate-bootstrap-cluster-x-k8s-io-v1alpha1-altcosbootstrapconfig,mutating=false,failurePolicy=fail,matchPolicy=Equivalent,groups=bootstrap.cluster.x-k8s.io,resources=altcosbootstrapconfigs,versions=v1alpha1,name=validation.altcosbootstrapconfig.bootstrap.cluster.x-k8s.io,sideEffects=None,admissionReviewVersions=v1
// +kubebuilder:webhook:verbs=create;update,path=/validate-bootstrap-cluster-x-k8s-io-v1alpha1-altcosbootstrapconfigtemplate,mutating=false,failurePolicy=fail,matchPolicy=Equivalent,groups=bootstrap.cluster.x-k8s.io,resources=altcosbootstrapconfigtemplates,versions=v1alpha1,name=validation.altcosbootstrapconfigtemplate.bootstrap.cluster.x-k8s.io,sideEffects=None,admissionReviewVersions=v1

// SetupWithManager registers the webhooks.
func SetupWithManager(mgr ctrl.Manager) error {
	sources := sources{mgr.GetClient()}
	if err := ctrl.NewWebhookManagedBy(mgr, &bootstrapv1.AltcosBootstrapConfig{}).WithValidator(&configValidator{sources}).Complete(); err != nil {
		return fmt.Errorf("register AltcosBootstrapConfig webhook: %w", err)
	}
	if err := ctrl.NewWebhookManagedBy(mgr, &bootstrapv1.AltcosBootstrapConfigTemplate{}).WithValidator(templateValidator(sources)).Complete(); err != nil {
		return fmt.Errorf("register AltcosBootstrapConfigTemplate webhook: %w", err)
	}
	return nil
}

func templateValidator(sources sources) *template.Validator[*bootstrapv1.AltcosBootstrapConfigTemplate] {
	return &template.Validator[*bootstrapv1.AltcosBootstrapConfigTemplate]{
		GroupKind: bootstrapv1.GroupVersion.WithKind("AltcosBootstrapConfigTemplate").GroupKind(),
		Metadata: func(t *bootstrapv1.AltcosBootstrapConfigTemplate) *clusterv1.ObjectMeta {
			return &t.Spec.Template.ObjectMeta
		},
		Spec: func(t *bootstrapv1.AltcosBootstrapConfigTemplate) any { return t.Spec.Template.Spec },
		Validate: func(t *bootstrapv1.AltcosBootstrapConfigTemplate, path *field.Path) field.ErrorList {
			return profile.ValidateSpec(&t.Spec.Template.Spec, path)
		},
		Warn: func(ctx context.Context, t *bootstrapv1.AltcosBootstrapConfigTemplate, path *field.Path) admission.Warnings {
			return sources.warnings(ctx, t.Namespace, &t.Spec.Template.Spec.AltcosProfile, path)
		},
	}
}

type configValidator struct {
	sources sources
}

func (v *configValidator) ValidateCreate(ctx context.Context, config *bootstrapv1.AltcosBootstrapConfig) (admission.Warnings, error) {
	return v.validate(ctx, config)
}

func (v *configValidator) ValidateUpdate(ctx context.Context, before, config *bootstrapv1.AltcosBootstrapConfig) (admission.Warnings, error) {
	// Owners, labels and annotations must be writable whatever an earlier version accepted.
	if !config.DeletionTimestamp.IsZero() || apiequality.Semantic.DeepEqual(before.Spec, config.Spec) {
		return nil, nil
	}
	return v.validate(ctx, config)
}

func (v *configValidator) ValidateDelete(context.Context, *bootstrapv1.AltcosBootstrapConfig) (admission.Warnings, error) {
	return nil, nil
}

func (v *configValidator) validate(ctx context.Context, config *bootstrapv1.AltcosBootstrapConfig) (admission.Warnings, error) {
	path := field.NewPath("spec")
	if errs := profile.ValidateSpec(&config.Spec, path); len(errs) > 0 {
		return nil, apierrors.NewInvalid(bootstrapv1.GroupVersion.WithKind("AltcosBootstrapConfig").GroupKind(), config.Name, errs)
	}
	return v.sources.warnings(ctx, config.Namespace, &config.Spec.AltcosProfile, path), nil
}
