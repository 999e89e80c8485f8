// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/webhooks/bootstrap"
)

// admitted does what an API server with our webhooks does to an object that it lets in. Profiles that no machine of the
// manifests uses are checked too.
func admitted(o client.Object) error {
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
		return checkConfig(&o.Spec, field.NewPath("spec"))
	case *bootstrapv1.AltcosBootstrapConfigTemplate:
		return checkConfig(&o.Spec.Template.Spec, field.NewPath("spec", "template", "spec"))
	}
	return nil
}

func checkConfig(spec *bootstrapv1.AltcosBootstrapConfigSpec, path *field.Path) error {
	var errs []error
	for _, wrong := range bootstrap.ValidateSpec(spec, path) {
		errs = append(errs, wrong)
	}
	return errors.Join(errs...)
}

// unseen warns about objects with parts of profiles that the controllers, which keep only those of clusters in memory,
// would not find.
func (w *world) unseen() {
	check := func(owner client.Object, p *bootstrapv1.AltcosProfile) {
		for i, source := range p.ButaneFrom {
			var found client.Object
			var ok bool
			if source.Kind == bootstrapv1.ButaneSourceConfigMap {
				found, ok = named[*corev1.ConfigMap](w, owner.GetNamespace(), source.Name)
			} else {
				found, ok = named[*corev1.Secret](w, owner.GetNamespace(), source.Name)
			}
			if !ok {
				continue // the controllers say so
			}
			if _, labelled := found.GetLabels()[clusterv1.ClusterNameLabel]; !labelled {
				w.warn("%s %q: metadata.labels[%s] is missing: the controllers would not see it, and butaneFrom[%d] of %q needs it",
					source.Kind, source.Name, clusterv1.ClusterNameLabel, i, owner.GetName())
			}
		}
	}
	for _, c := range of[*bootstrapv1.AltcosBootstrapConfig](w) {
		check(c, &c.Spec.AltcosProfile)
	}
	for _, t := range of[*bootstrapv1.AltcosBootstrapConfigTemplate](w) {
		check(t, &t.Spec.Template.Spec.AltcosProfile)
	}
}

// podSubnets are the networks for pods that the kubeadm bootstrap provider would take from the Cluster.
func (w *world) podSubnets(namespace, cluster string) []string {
	c, ok := named[*clusterv1.Cluster](w, namespace, cluster)
	if ok && len(c.Spec.ClusterNetwork.Pods.CIDRBlocks) > 0 {
		return c.Spec.ClusterNetwork.Pods.CIDRBlocks
	}
	w.warn("Cluster %q: spec.clusterNetwork.pods.cidrBlocks is empty: %s stands for it, and flannel needs it", cluster, anyPods)
	return []string{anyPods}
}

// anyPods is the network that flannel's manifest has.
const anyPods = "10.244.0.0/16"

// missingDisks says it with the machine's name.
func missingDisks(machine string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("LibvirtMachine %q: %w", machine, err)
}
