// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import (
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

// instantiate makes one object of each template, under the template's name: a sample of what its users get.
func (w *world) instantiate() {
	for _, t := range of[*infrav1.LibvirtClusterTemplate](w) {
		if _, there := named[*infrav1.LibvirtCluster](w, t.Namespace, t.Name); !there {
			made := &infrav1.LibvirtCluster{ObjectMeta: sample(t, t.Spec.Template.ObjectMeta), Spec: *t.Spec.Template.Spec.DeepCopy()}
			identify(made)
			w.add(made)
		}
	}
	for _, t := range of[*infrav1.LibvirtMachineTemplate](w) {
		if _, there := named[*infrav1.LibvirtMachine](w, t.Namespace, t.Name); there {
			continue
		}
		made := &infrav1.LibvirtMachine{ObjectMeta: sample(t, t.Spec.Template.ObjectMeta), Spec: *t.Spec.Template.Spec.DeepCopy()}
		identify(made)
		w.add(made)
		use := w.useOf(t)
		if use.cluster != "" {
			label(made, clusterv1.ClusterNameLabel, use.cluster)
		}
		if use.controlPlane {
			label(made, clusterv1.MachineControlPlaneLabel, "")
		}
		if config, ok := named[*bootstrapv1.AltcosBootstrapConfigTemplate](w, t.Namespace, use.config); ok {
			sampleConfig := &bootstrapv1.AltcosBootstrapConfig{ObjectMeta: sample(t, config.Spec.Template.ObjectMeta), Spec: *config.Spec.Template.Spec.DeepCopy()}
			identify(sampleConfig)
			w.add(sampleConfig)
		}
	}
}

func sample(template client.Object, meta clusterv1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: template.GetNamespace(), Name: template.GetName(),
		Labels: maps.Clone(meta.Labels), Annotations: unpaused(meta.Annotations),
	}
}

// use says what machines of a template are for.
type use struct {
	cluster      string
	controlPlane bool
	// config is the name of an AltcosBootstrapConfigTemplate.
	config string
}

// useOf looks for a MachineDeployment, a MachineSet or a KubeadmControlPlane that makes machines of the template.
// Without any, a template with altcosTemplateRef is one for control planes, since only they need it, and one without
// goes with the AltcosBootstrapConfigTemplate of its own name.
func (w *world) useOf(t *infrav1.LibvirtMachineTemplate) use {
	for _, machines := range w.machineTemplates() {
		if ref := machines.spec.InfrastructureRef; machines.namespace == t.Namespace && ref.Kind == "LibvirtMachineTemplate" && ref.Name == t.Name {
			found := use{cluster: machines.spec.ClusterName}
			if config := machines.spec.Bootstrap.ConfigRef; config.Kind == "AltcosBootstrapConfigTemplate" {
				found.config = config.Name
			}
			return found
		}
	}
	for _, o := range of[*unstructured.Unstructured](w) {
		if o.GetKind() != "KubeadmControlPlane" || o.GetNamespace() != t.Namespace {
			continue
		}
		name, _, _ := unstructured.NestedString(o.Object, "spec", "machineTemplate", "spec", "infrastructureRef", "name")
		if name != t.Name {
			continue
		}
		for _, c := range of[*clusterv1.Cluster](w) {
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

// machineTemplate is what a MachineDeployment or a MachineSet makes Machines of.
type machineTemplate struct {
	namespace string
	spec      clusterv1.MachineSpec
}

func (w *world) machineTemplates() []machineTemplate {
	var out []machineTemplate
	for _, md := range of[*clusterv1.MachineDeployment](w) {
		out = append(out, machineTemplate{md.Namespace, md.Spec.Template.Spec})
	}
	for _, ms := range of[*clusterv1.MachineSet](w) {
		out = append(out, machineTemplate{ms.Namespace, ms.Spec.Template.Spec})
	}
	return out
}

// unused warns about profiles that no machine of the manifests gets.
func (w *world) unused() {
	for _, config := range of[*bootstrapv1.AltcosBootstrapConfig](w) {
		if len(config.OwnerReferences) == 0 {
			w.warn("AltcosBootstrapConfig %q is used by no machine in the manifests", config.Name)
		}
	}
	used := map[[2]string]bool{}
	for _, t := range of[*infrav1.LibvirtMachineTemplate](w) {
		used[[2]string{t.Namespace, w.useOf(t).config}] = true
	}
	for _, lm := range of[*infrav1.LibvirtMachine](w) {
		used[[2]string{lm.Namespace, lm.Spec.AltcosTemplateRef.Name}] = true
	}
	for _, t := range of[*bootstrapv1.AltcosBootstrapConfigTemplate](w) {
		if !used[[2]string{t.Namespace, t.Name}] {
			w.warn("AltcosBootstrapConfigTemplate %q is used by no machine in the manifests", t.Name)
		}
	}
}
