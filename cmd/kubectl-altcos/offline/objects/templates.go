// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

// instantiate creates one object from each template, under the template's name: a sample of what its users get.
func (s *Set) instantiate() {
	for _, t := range All[*infrav1.LibvirtClusterTemplate](s) {
		if _, exists := Named[*infrav1.LibvirtCluster](s, t.Namespace, t.Name); !exists {
			s.add(&infrav1.LibvirtCluster{ObjectMeta: sample(t, t.Spec.Template.ObjectMeta), Spec: *t.Spec.Template.Spec.DeepCopy()})
		}
	}
	for _, t := range All[*infrav1.LibvirtMachineTemplate](s) {
		if _, exists := Named[*infrav1.LibvirtMachine](s, t.Namespace, t.Name); exists {
			continue
		}
		lm := &infrav1.LibvirtMachine{ObjectMeta: sample(t, t.Spec.Template.ObjectMeta), Spec: *t.Spec.Template.Spec.DeepCopy()}
		s.add(lm)
		use := s.useOf(t)
		if use.cluster != "" {
			label(lm, clusterv1.ClusterNameLabel, use.cluster)
		}
		if use.controlPlane {
			label(lm, clusterv1.MachineControlPlaneLabel, "")
		}
		if config, ok := Named[*bootstrapv1.AltcosBootstrapConfigTemplate](s, t.Namespace, use.config); ok {
			s.add(&bootstrapv1.AltcosBootstrapConfig{ObjectMeta: sample(t, config.Spec.Template.ObjectMeta), Spec: *config.Spec.Template.Spec.DeepCopy()})
		}
	}
}

func sample(template client.Object, meta clusterv1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: template.GetNamespace(), Name: template.GetName(),
		Labels: maps.Clone(meta.Labels), Annotations: unpaused(meta.Annotations),
	}
}

// use describes what machines of a template are for.
type use struct {
	cluster      string
	controlPlane bool
	// config is the name of an AltcosBootstrapConfigTemplate.
	config string
}

// useOf looks for a MachineDeployment, a MachineSet or a KubeadmControlPlane that creates machines from the template.
// Without any, a template with altcosTemplateRef is one for control planes, since only they need it, and one without
// belongs to the AltcosBootstrapConfigTemplate of its own name.
func (s *Set) useOf(t *infrav1.LibvirtMachineTemplate) use {
	for _, spec := range s.machineSpecs(t.Namespace) {
		if ref := spec.InfrastructureRef; ref.Kind == "LibvirtMachineTemplate" && ref.Name == t.Name {
			found := use{cluster: spec.ClusterName}
			if config := spec.Bootstrap.ConfigRef; config.Kind == "AltcosBootstrapConfigTemplate" {
				found.config = config.Name
			}
			return found
		}
	}
	for _, o := range All[*unstructured.Unstructured](s) {
		name, _, _ := unstructured.NestedString(o.Object, "spec", "machineTemplate", "spec", "infrastructureRef", "name")
		if o.GetKind() != "KubeadmControlPlane" || o.GetNamespace() != t.Namespace || name != t.Name {
			continue
		}
		for _, c := range All[*clusterv1.Cluster](s) {
			if c.Namespace == t.Namespace && c.Spec.ControlPlaneRef.Name == o.GetName() {
				return use{cluster: c.Name, controlPlane: true}
			}
		}
		return use{controlPlane: true, cluster: o.GetLabels()[clusterv1.ClusterNameLabel]}
	}
	if t.Spec.Template.Spec.AltcosTemplateRef.Name != "" {
		return use{controlPlane: true}
	}
	return use{config: t.Name}
}

// machineSpecs returns what MachineDeployments and MachineSets create Machines from.
func (s *Set) machineSpecs(namespace string) []clusterv1.MachineSpec {
	var out []clusterv1.MachineSpec
	for _, md := range All[*clusterv1.MachineDeployment](s) {
		if md.Namespace == namespace {
			out = append(out, md.Spec.Template.Spec)
		}
	}
	for _, ms := range All[*clusterv1.MachineSet](s) {
		if ms.Namespace == namespace {
			out = append(out, ms.Spec.Template.Spec)
		}
	}
	return out
}
