// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/butane"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
	"github.com/altcos/cluster-api-provider-altcos/internal/profile"
)

// ValidateSpec says what is wrong with the spec at path beyond what the CRD's schema and rules say: what its kubeadm
// part, its Butane and its profile mean to those who read them when a machine is made. It repeats no values, since they
// may be secrets.
func ValidateSpec(spec *bootstrapv1.AltcosBootstrapConfigSpec, path *field.Path) field.ErrorList {
	errs := ValidateKubeadm(&spec.Kubeadm, path.Child("kubeadm"))
	if spec.Butane != "" {
		_, err := butane.Translate([]byte(spec.Butane))
		for _, found := range problem.All(err) {
			errs = append(errs, field.Invalid(path.Child("butane"), field.OmitValueType{}, found.Error()))
		}
	}
	for _, found := range problem.All(profile.Check(&spec.AltcosProfile)) {
		errs = append(errs, field.Invalid(path.Child(found.Path), field.OmitValueType{}, found.Reason))
	}
	return errs
}
