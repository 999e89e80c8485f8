// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/profile"
)

// admit does what an API server with our webhooks does to an object that is created. It also checks profiles that no
// machine of the manifests uses.
func admit(o client.Object) error {
	switch o := o.(type) {
	case *corev1.Secret:
		if o.Data == nil {
			o.Data = map[string][]byte{}
		}
		for key, text := range o.StringData {
			o.Data[key] = []byte(text)
		}
		o.StringData = nil
	case *bootstrapv1.AltcosBootstrapConfig:
		return joined(profile.ValidateSpec(&o.Spec, field.NewPath("spec")))
	case *bootstrapv1.AltcosBootstrapConfigTemplate:
		return joined(profile.ValidateSpec(&o.Spec.Template.Spec, field.NewPath("spec", "template", "spec")))
	}
	return nil
}
