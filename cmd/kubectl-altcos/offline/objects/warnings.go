// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

// warnIgnored warns about objects of kinds that have no effect here.
func (s *Set) warnIgnored() {
	for _, o := range All[*unstructured.Unstructured](s) {
		if !slices.Contains([]string{"KubeadmControlPlane", "InClusterIPPool", "GlobalInClusterIPPool"}, o.GetKind()) {
			s.Warnf("%s %q is ignored: its kind has no effect here", o.GetKind(), o.GetName())
		}
	}
}

// warnUnseen warns about parts of profiles that the controllers would not find, because they watch only objects with the
// label of a cluster.
func (s *Set) warnUnseen() {
	check := func(owner client.Object, p *bootstrapv1.AltcosProfile) {
		for i, source := range p.ButaneFrom {
			var found client.Object
			var ok bool
			if source.Kind == bootstrapv1.ButaneSourceConfigMap {
				found, ok = Named[*corev1.ConfigMap](s, owner.GetNamespace(), source.Name)
			} else {
				found, ok = Named[*corev1.Secret](s, owner.GetNamespace(), source.Name)
			}
			if !ok {
				continue // the controllers report it
			}
			if _, labelled := found.GetLabels()[clusterv1.ClusterNameLabel]; !labelled {
				s.Warnf("%s %q: metadata.labels[%s] is missing: the controllers would not see it, and butaneFrom[%d] of %q needs it",
					source.Kind, source.Name, clusterv1.ClusterNameLabel, i, owner.GetName())
			}
		}
	}
	for _, c := range All[*bootstrapv1.AltcosBootstrapConfig](s) {
		check(c, &c.Spec.AltcosProfile)
	}
	for _, t := range All[*bootstrapv1.AltcosBootstrapConfigTemplate](s) {
		check(t, &t.Spec.Template.Spec.AltcosProfile)
	}
}

// warnUnused warns about profiles that no machine of the manifests gets.
func (s *Set) warnUnused() {
	for _, config := range All[*bootstrapv1.AltcosBootstrapConfig](s) {
		if len(config.OwnerReferences) == 0 {
			s.Warnf("AltcosBootstrapConfig %q is used by no machine in the manifests", config.Name)
		}
	}
	used := map[[2]string]bool{}
	for _, t := range All[*infrav1.LibvirtMachineTemplate](s) {
		used[[2]string{t.Namespace, s.useOf(t).config}] = true
	}
	for _, lm := range All[*infrav1.LibvirtMachine](s) {
		used[[2]string{lm.Namespace, lm.Spec.AltcosTemplateRef.Name}] = true
	}
	for _, t := range All[*bootstrapv1.AltcosBootstrapConfigTemplate](s) {
		if !used[[2]string{t.Namespace, t.Name}] {
			s.Warnf("AltcosBootstrapConfigTemplate %q is used by no machine in the manifests", t.Name)
		}
	}
}
