// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"cmp"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/profilesource"
)

// setOwner makes an object of Cluster API the owner of one of ours.
func setOwner(o, owner client.Object, kind string) {
	o.SetOwnerReferences([]metav1.OwnerReference{*metav1.NewControllerRef(owner, clusterv1.GroupVersion.WithKind(kind))})
}

// setOwnerOfCluster finds or creates the Cluster of a LibvirtCluster. A Cluster of that name without reference is one
// with a topology, whose controller would set the reference.
func (s *Set) setOwnerOfCluster(lc *infrav1.LibvirtCluster) error {
	ref := clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupVersion.Group, Kind: "LibvirtCluster", Name: lc.Name}
	cluster := s.clusterThatRefersTo(lc)
	if cluster == nil {
		name := cmp.Or(lc.Labels[clusterv1.ClusterNameLabel], lc.Name)
		var exists bool
		if cluster, exists = Named[*clusterv1.Cluster](s, lc.Namespace, name); !exists {
			cluster = &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: lc.Namespace, Name: name}}
			s.add(cluster)
		}
		if other := cluster.Spec.InfrastructureRef; other.IsDefined() {
			return fmt.Errorf("LibvirtCluster %q: Cluster %q refers to %s %q: let it refer to this one, or rename this one", lc.Name, name, other.Kind, other.Name)
		}
		cluster.Spec.InfrastructureRef = ref
	}
	cluster.Status.Initialization.InfrastructureProvisioned = new(true)
	if _, ok := Named[*corev1.Secret](s, cluster.Namespace, profilesource.KeyPairName(cluster.Name)); !ok {
		s.add(noKeyPair(cluster))
	}
	setOwner(lc, cluster, "Cluster")
	return nil
}

// clusterThatRefersTo returns the Cluster of a LibvirtCluster, or nil.
func (s *Set) clusterThatRefersTo(lc *infrav1.LibvirtCluster) *clusterv1.Cluster {
	for _, c := range All[*clusterv1.Cluster](s) {
		if ref := c.Spec.InfrastructureRef; c.Namespace == lc.Namespace && ref.Kind == "LibvirtCluster" && ref.Name == lc.Name {
			return c
		}
	}
	return nil
}

// setOwnersOfMachine finds or creates the Machine of a LibvirtMachine, with its bootstrap config.
func (s *Set) setOwnersOfMachine(lm *infrav1.LibvirtMachine) error {
	machine, err := s.machineThatRefersTo(lm)
	if err != nil {
		return err
	}
	cluster, err := s.clusterOf(lm, machine)
	if err != nil {
		return err
	}
	if machine == nil {
		machine = &clusterv1.Machine{ObjectMeta: metav1.ObjectMeta{Namespace: lm.Namespace, Name: lm.Name, Labels: lm.Labels}}
		machine.Spec.InfrastructureRef = clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupVersion.Group, Kind: "LibvirtMachine", Name: lm.Name}
		s.add(machine)
	}
	machine.Spec.ClusterName = cluster
	label(machine, clusterv1.ClusterNameLabel, cluster)
	for key, value := range machine.Labels {
		label(lm, key, value)
	}
	setOwner(lm, machine, "Machine")
	s.setOwnerOfConfig(machine)
	return nil
}

// machineThatRefersTo returns the Machine of a LibvirtMachine, or nil when one of its name can be created.
func (s *Set) machineThatRefersTo(lm *infrav1.LibvirtMachine) (*clusterv1.Machine, error) {
	for _, m := range All[*clusterv1.Machine](s) {
		if ref := m.Spec.InfrastructureRef; m.Namespace == lm.Namespace && ref.Kind == "LibvirtMachine" && ref.Name == lm.Name {
			return m, nil
		}
	}
	if m, exists := Named[*clusterv1.Machine](s, lm.Namespace, lm.Name); exists {
		return nil, fmt.Errorf("LibvirtMachine %q: Machine %q refers to %s %q: let a Machine refer to this one, or rename this one",
			lm.Name, m.Name, m.Spec.InfrastructureRef.Kind, m.Spec.InfrastructureRef.Name)
	}
	return nil, nil //nolint:nilnil // none is an answer
}

// clusterOf returns the name of the Cluster of a machine.
func (s *Set) clusterOf(lm *infrav1.LibvirtMachine, machine *clusterv1.Machine) (string, error) {
	name := lm.Labels[clusterv1.ClusterNameLabel]
	if machine != nil && machine.Spec.ClusterName != "" {
		name = machine.Spec.ClusterName
	}
	clusters := All[*clusterv1.Cluster](s)
	if name == "" && len(clusters) == 1 {
		return clusters[0].Name, nil
	}
	if _, ok := Named[*clusterv1.Cluster](s, lm.Namespace, name); !ok {
		return "", fmt.Errorf("LibvirtMachine %q: metadata.labels[%s]: Invalid value: %q: must name a Cluster of the manifests", lm.Name, clusterv1.ClusterNameLabel, name)
	}
	return name, nil
}

// setOwnerOfConfig gives a Machine its AltcosBootstrapConfig: the one that it names, or the one of its own name.
func (s *Set) setOwnerOfConfig(machine *clusterv1.Machine) {
	name := machine.Name
	if ref := machine.Spec.Bootstrap.ConfigRef; ref.Kind == "AltcosBootstrapConfig" {
		name = ref.Name
	} else if ref.IsDefined() {
		return
	}
	config, ok := Named[*bootstrapv1.AltcosBootstrapConfig](s, machine.Namespace, name)
	if !ok {
		return
	}
	machine.Spec.Bootstrap.ConfigRef = clusterv1.ContractVersionedObjectReference{APIGroup: bootstrapv1.GroupVersion.Group, Kind: "AltcosBootstrapConfig", Name: name}
	setOwner(config, machine, "Machine")
	label(config, clusterv1.ClusterNameLabel, machine.Spec.ClusterName)
}
