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
	"github.com/altcos/cluster-api-provider-altcos/internal/webhooks/template"
)

// +kubebuilder:webhookconfiguration:mutating=false,name=altcos-validation
// +kubebuilder:webhook:verbs=create;update,path=/validate-bootstrap-cluster-x-k8s-io-v1alpha1-altcosbootstrapconfig,mutating=false,failurePolicy=fail,matchPolicy=Equivalent,groups=bootstrap.cluster.x-k8s.io,resources=altcosbootstrapconfigs,versions=v1alpha1,name=validation.altcosbootstrapconfig.bootstrap.cluster.x-k8s.io,sideEffects=None,admissionReviewVersions=v1
// +kubebuilder:webhook:verbs=create;update,path=/validate-bootstrap-cluster-x-k8s-io-v1alpha1-altcosbootstrapconfigtemplate,mutating=false,failurePolicy=fail,matchPolicy=Equivalent,groups=bootstrap.cluster.x-k8s.io,resources=altcosbootstrapconfigtemplates,versions=v1alpha1,name=validation.altcosbootstrapconfigtemplate.bootstrap.cluster.x-k8s.io,sideEffects=None,admissionReviewVersions=v1

// SetupWithManager registers the webhooks. checkButane says what is wrong with a Butane config, with line and column.
func SetupWithManager(mgr ctrl.Manager, checkButane func(string) error) error {
	specs := specValidator{checkButane}
	if err := ctrl.NewWebhookManagedBy(mgr, &bootstrapv1.AltcosBootstrapConfig{}).WithValidator(&configValidator{specs}).Complete(); err != nil {
		return fmt.Errorf("register AltcosBootstrapConfig webhook: %w", err)
	}
	templates := &template.Validator[*bootstrapv1.AltcosBootstrapConfigTemplate]{
		GroupKind: bootstrapv1.GroupVersion.WithKind("AltcosBootstrapConfigTemplate").GroupKind(),
		Metadata: func(t *bootstrapv1.AltcosBootstrapConfigTemplate) *clusterv1.ObjectMeta {
			return &t.Spec.Template.ObjectMeta
		},
		Spec: func(t *bootstrapv1.AltcosBootstrapConfigTemplate) any { return t.Spec.Template.Spec },
		Validate: func(t *bootstrapv1.AltcosBootstrapConfigTemplate, path *field.Path) field.ErrorList {
			return specs.validate(&t.Spec.Template.Spec, path)
		},
	}
	if err := ctrl.NewWebhookManagedBy(mgr, &bootstrapv1.AltcosBootstrapConfigTemplate{}).WithValidator(templates).Complete(); err != nil {
		return fmt.Errorf("register AltcosBootstrapConfigTemplate webhook: %w", err)
	}
	return nil
}

// specValidator checks the parts of an AltcosBootstrapConfig that have a syntax of their own.
type specValidator struct {
	checkButane func(string) error
}

func (v specValidator) validate(spec *bootstrapv1.AltcosBootstrapConfigSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if spec.Butane != "" {
		if err := v.checkButane(spec.Butane); err != nil {
			// The config may hold secrets: the message says where and why, the value stays out of it.
			errs = append(errs, field.Invalid(path.Child("butane"), field.OmitValueType{}, err.Error()))
		}
	}
	return append(errs, ValidateKubeadm(&spec.Kubeadm, path.Child("kubeadm"))...)
}

type configValidator struct {
	specValidator
}

func (v *configValidator) ValidateCreate(_ context.Context, config *bootstrapv1.AltcosBootstrapConfig) (admission.Warnings, error) {
	return nil, v.invalid(config)
}

func (v *configValidator) ValidateUpdate(_ context.Context, before, config *bootstrapv1.AltcosBootstrapConfig) (admission.Warnings, error) {
	// Owners, labels and annotations must be writable whatever an earlier version of us let pass.
	if !config.DeletionTimestamp.IsZero() || apiequality.Semantic.DeepEqual(before.Spec, config.Spec) {
		return nil, nil
	}
	return nil, v.invalid(config)
}

func (v *configValidator) ValidateDelete(context.Context, *bootstrapv1.AltcosBootstrapConfig) (admission.Warnings, error) {
	return nil, nil
}

func (v *configValidator) invalid(config *bootstrapv1.AltcosBootstrapConfig) error {
	errs := v.validate(&config.Spec, field.NewPath("spec"))
	if len(errs) == 0 {
		return nil
	}
	return apierrors.NewInvalid(bootstrapv1.GroupVersion.WithKind("AltcosBootstrapConfig").GroupKind(), config.Name, errs)
}
