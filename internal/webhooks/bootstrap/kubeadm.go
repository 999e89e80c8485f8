// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"k8s.io/apimachinery/pkg/util/validation/field"
	kubeadmv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	kubeadm "sigs.k8s.io/cluster-api/bootstrap/kubeadm/webhooks/admission"
)

// ValidateKubeadm says of the spec at path what the kubeadm bootstrap provider would say of the KubeadmConfig that is
// made from it, and refuses what would get lost on the way. It repeats no values: that provider quotes whole files and
// users, with their content and their passwords.
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
