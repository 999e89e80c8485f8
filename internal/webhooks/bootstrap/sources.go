// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/butane"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
	"github.com/altcos/cluster-api-provider-altcos/internal/profilesource"
)

// sources are the Secrets and ConfigMaps that profiles name.
type sources struct {
	reader client.Reader
}

// warnings returns what is wrong with the configs that can be read now. Nothing is refused here: they may be created later
// and change at any time, and what cannot be read is reported by the conditions of the machines. Of a Secret only line and
// column are reported, since those who may write the profile may not be allowed to read it.
func (s sources) warnings(ctx context.Context, namespace string, p *bootstrapv1.AltcosProfile, path *field.Path) admission.Warnings {
	var out admission.Warnings
	for i, source := range p.ButaneFrom {
		data, err := profilesource.Read(ctx, s.reader, namespace, source)
		if err != nil {
			continue
		}
		_, err = butane.Translate(data)
		if source.Kind == bootstrapv1.ButaneSourceSecret {
			err = problem.OnlyPlaces("", err)
		}
		for _, found := range problem.All(err) {
			out = append(out, fmt.Sprintf("%s: key %q of %s %q: %v", path.Child("butaneFrom").Index(i), source.Key, source.Kind, source.Name, found))
		}
	}
	return out
}
