// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package infrastructure holds the admission webhooks of the infrastructure kinds: what CEL in the CRDs cannot express.
package infrastructure

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/libvirt/hosturi"
	"github.com/altcos/cluster-api-provider-altcos/internal/webhooks/template"
)

// +kubebuilder:webhookconfiguration:mutating=false,name=libvirt-validation
// +kubebuilder:webhook:verbs=create;update,path=/validate-infrastructure-cluster-x-k8s-io-v1alpha1-libvirthost,mutating=false,failurePolicy=fail,matchPolicy=Equivalent,groups=infrastructure.cluster.x-k8s.io,resources=libvirthosts,versions=v1alpha1,name=validation.libvirthost.infrastructure.cluster.x-k8s.io,sideEffects=None,admissionReviewVersions=v1
// +kubebuilder:webhook:verbs=create;update,path=/validate-infrastructure-cluster-x-k8s-io-v1alpha1-libvirtclustertemplate,mutating=false,failurePolicy=fail,matchPolicy=Equivalent,groups=infrastructure.cluster.x-k8s.io,resources=libvirtclustertemplates,versions=v1alpha1,name=validation.libvirtclustertemplate.infrastructure.cluster.x-k8s.io,sideEffects=None,admissionReviewVersions=v1
// +kubebuilder:webhook:verbs=create;update,path=/validate-infrastructure-cluster-x-k8s-io-v1alpha1-libvirtmachinetemplate,mutating=false,failurePolicy=fail,matchPolicy=Equivalent,groups=infrastructure.cluster.x-k8s.io,resources=libvirtmachinetemplates,versions=v1alpha1,name=validation.libvirtmachinetemplate.infrastructure.cluster.x-k8s.io,sideEffects=None,admissionReviewVersions=v1

// SetupWithManager registers the webhooks.
func SetupWithManager(mgr ctrl.Manager) error {
	if err := ctrl.NewWebhookManagedBy(mgr, &infrav1.LibvirtHost{}).WithValidator(&hostValidator{}).Complete(); err != nil {
		return fmt.Errorf("register LibvirtHost webhook: %w", err)
	}
	if err := ctrl.NewWebhookManagedBy(mgr, &infrav1.LibvirtClusterTemplate{}).WithValidator(newClusterTemplateValidator()).Complete(); err != nil {
		return fmt.Errorf("register LibvirtClusterTemplate webhook: %w", err)
	}
	if err := ctrl.NewWebhookManagedBy(mgr, &infrav1.LibvirtMachineTemplate{}).WithValidator(newMachineTemplateValidator()).Complete(); err != nil {
		return fmt.Errorf("register LibvirtMachineTemplate webhook: %w", err)
	}
	return nil
}

func newClusterTemplateValidator() *template.Validator[*infrav1.LibvirtClusterTemplate] {
	return &template.Validator[*infrav1.LibvirtClusterTemplate]{
		GroupKind: infrav1.GroupVersion.WithKind("LibvirtClusterTemplate").GroupKind(),
		Metadata:  func(t *infrav1.LibvirtClusterTemplate) *clusterv1.ObjectMeta { return &t.Spec.Template.ObjectMeta },
		Spec:      func(t *infrav1.LibvirtClusterTemplate) any { return t.Spec.Template.Spec },
	}
}

func newMachineTemplateValidator() *template.Validator[*infrav1.LibvirtMachineTemplate] {
	return &template.Validator[*infrav1.LibvirtMachineTemplate]{
		GroupKind: infrav1.GroupVersion.WithKind("LibvirtMachineTemplate").GroupKind(),
		Metadata:  func(t *infrav1.LibvirtMachineTemplate) *clusterv1.ObjectMeta { return &t.Spec.Template.ObjectMeta },
		Spec:      func(t *infrav1.LibvirtMachineTemplate) any { return t.Spec.Template.Spec },
		Validate:  validateMachineTemplate,
	}
}

// validateMachineTemplate refuses what is unique to one machine.
func validateMachineTemplate(t *infrav1.LibvirtMachineTemplate, path *field.Path) (errs field.ErrorList) {
	spec := t.Spec.Template.Spec
	if spec.ProviderID != "" {
		errs = append(errs, field.Forbidden(path.Child("providerID"), "identifies one machine and cannot be set in a template"))
	}
	for i, nic := range spec.NetworkInterfaces {
		at := path.Child("networkInterfaces").Index(i)
		if len(nic.Addresses) > 0 {
			errs = append(errs, field.Forbidden(at.Child("addresses"), "would be the same on all machines of the template; use addressPoolRefs or dhcp"))
		}
		if nic.MACAddress != "" {
			errs = append(errs, field.Forbidden(at.Child("macAddress"), "would be the same on all machines of the template; leave it out and each gets its own"))
		}
	}
	return errs
}

// hostValidator checks the syntax of URIs.
type hostValidator struct{}

func (v *hostValidator) ValidateCreate(_ context.Context, host *infrav1.LibvirtHost) (admission.Warnings, error) {
	return nil, v.validate(host)
}

func (v *hostValidator) ValidateUpdate(_ context.Context, _, host *infrav1.LibvirtHost) (admission.Warnings, error) {
	if !host.DeletionTimestamp.IsZero() {
		return nil, nil
	}
	return nil, v.validate(host)
}

func (v *hostValidator) ValidateDelete(context.Context, *infrav1.LibvirtHost) (admission.Warnings, error) {
	return nil, nil
}

func (v *hostValidator) validate(host *infrav1.LibvirtHost) error {
	_, err := hosturi.Parse(host.Spec.URI)
	if err == nil {
		return nil
	}
	return apierrors.NewInvalid(infrav1.GroupVersion.WithKind("LibvirtHost").GroupKind(), host.Name, field.ErrorList{
		field.Invalid(field.NewPath("spec", "uri"), host.Spec.URI, err.Error()),
	})
}
