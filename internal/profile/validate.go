// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"errors"

	"k8s.io/apimachinery/pkg/util/validation/field"
	kubeadmv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	kubeadm "sigs.k8s.io/cluster-api/bootstrap/kubeadm/webhooks/admission"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/butane"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// ValidateSpec returns what is wrong with the spec at path beyond the CRD's schema and rules: what would be refused of its
// kubeadm part, its Butane and its profile when a machine is made. It repeats no values, since they may be secrets.
func ValidateSpec(spec *bootstrapv1.AltcosBootstrapConfigSpec, path *field.Path) field.ErrorList {
	errs := ValidateKubeadm(&spec.Kubeadm, path.Child("kubeadm"))
	if spec.Butane != "" {
		_, err := butane.Translate([]byte(spec.Butane))
		for _, found := range problem.All(err) {
			errs = append(errs, field.Invalid(path.Child("butane"), field.OmitValueType{}, found.Error()))
		}
	}
	for _, found := range problem.All(check(&spec.AltcosProfile)) {
		errs = append(errs, field.Invalid(path.Child(found.Path), field.OmitValueType{}, found.Reason))
	}
	return errs
}

// check leaves the user's Butane out.
func check(p *bootstrapv1.AltcosProfile) error {
	resolved, _, err := FromAPI(p)
	if err != nil {
		return err
	}
	_, err = resolved.Layer()
	_, errPlugin := resolved.NetworkPluginLayer(nil)
	return errors.Join(err, errPlugin)
}

// ValidateKubeadm returns what the kubeadm bootstrap provider would refuse of the KubeadmConfig that is made from the spec
// at path, and refuses what would get lost on the way. It repeats no values: that provider quotes whole files and users,
// with their content and their passwords.
func ValidateKubeadm(spec *kubeadmv1.KubeadmConfigSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if spec.Format != "" && spec.Format != kubeadmv1.CloudConfig {
		errs = append(errs, field.NotSupported(path.Child("format"), spec.Format, []kubeadmv1.Format{kubeadmv1.CloudConfig}))
	}
	if spec.Ignition.IsDefined() {
		errs = append(errs, field.Forbidden(path.Child("ignition"), "no ALT Container OS reads the Ignition that is made from it; use butane"))
	}
	made := spec.DeepCopy() // with format and ignition as the KubeadmConfig gets them
	made.Format, made.Ignition = kubeadmv1.CloudConfig, kubeadmv1.IgnitionSpec{}
	for _, err := range kubeadm.Validate(made, false, path) {
		err.BadValue = field.OmitValueType{}
		errs = append(errs, err)
	}
	return errs
}
