// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"maps"
	"slices"

	. "github.com/onsi/gomega"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/cluster-api/util"
	"sigs.k8s.io/cluster-api/util/conditions"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

func (s *story) must(err error) {
	s.t.Helper()
	s.Expect(err).NotTo(HaveOccurred())
}

func key(name string) client.ObjectKey { return client.ObjectKey{Namespace: namespace, Name: name} }

// change reads an object and patches it with the changes that edit makes.
func change[T client.Object](s *story, object T, name string, edit func(T)) {
	s.t.Helper()
	s.must(s.client.Get(s.ctx, key(name), object))
	before, ok := object.DeepCopyObject().(T)
	s.Expect(ok).To(BeTrue())
	edit(object)
	s.must(s.client.Patch(s.ctx, object, client.MergeFrom(before)))
}

func (s *story) scaleControlPlane(replicas int32) {
	s.t.Helper()
	change(s, &controlplanev1.KubeadmControlPlane{}, "demo", func(k *controlplanev1.KubeadmControlPlane) { k.Spec.Replicas = &replicas })
}

func (s *story) scaleWorkers(replicas int32) {
	s.t.Helper()
	change(s, &clusterv1.MachineDeployment{}, "workers", func(d *clusterv1.MachineDeployment) { d.Spec.Replicas = &replicas })
}

func (s *story) pause(paused bool) {
	s.t.Helper()
	change(s, &clusterv1.Cluster{}, "demo", func(c *clusterv1.Cluster) { c.Spec.Paused = &paused })
}

// awaitCluster waits until Cluster API finds the wanted control planes and workers, and until leftovers of their bootstrap
// and of deleted machines are gone.
func (s *story) awaitCluster(controlPlanes int32, version string, workers int32) {
	s.t.Helper()
	s.Eventually(func(g Gomega) {
		g.Expect(s.complaints.all()).To(BeEmpty())
		k := &controlplanev1.KubeadmControlPlane{}
		g.Expect(s.client.Get(s.ctx, key("demo"), k)).To(Succeed())
		g.Expect(k.Status.ObservedGeneration).To(Equal(k.Generation))
		s.expectVersion(g, version)
		for _, count := range []*int32{k.Status.Replicas, k.Status.UpToDateReplicas, k.Status.ReadyReplicas, k.Status.AvailableReplicas} {
			g.Expect(ptr.Deref(count, 0)).To(Equal(controlPlanes), "%v", k.Status.Conditions)
		}
		d := &clusterv1.MachineDeployment{}
		g.Expect(s.client.Get(s.ctx, key("workers"), d)).To(Succeed())
		g.Expect(ptr.Deref(d.Status.AvailableReplicas, 0)).To(Equal(workers), "%v", d.Status.Conditions)
	}, patience, lookEvery).Should(Succeed())
	s.Eventually(func(g Gomega) {
		list := s.libvirtMachines()
		g.Expect(list).To(HaveLen(int(controlPlanes + workers)))
		for i := range list {
			g.Expect(conditions.IsTrue(&list[i], infrav1.LibvirtMachineBootstrapDataRemovedCondition)).To(BeTrue(), list[i].Name)
			g.Expect(conditions.IsTrue(&list[i], infrav1.ReadyCondition)).To(BeTrue(), list[i].Name)
		}
		claims := &ipamv1.IPAddressClaimList{}
		g.Expect(s.client.List(s.ctx, claims)).To(Succeed())
		g.Expect(claims.Items).To(HaveLen(len(list)))
	}, patience, lookEvery).Should(Succeed())
}

// expectVersion checks what the control plane machines run.
func (s *story) expectVersion(g Gomega, version string) {
	for _, m := range s.machines() {
		if util.IsControlPlaneMachine(&m) {
			g.Expect(m.Status.NodeInfo).NotTo(BeNil(), m.Name)
			g.Expect(m.Status.NodeInfo.KubeletVersion).To(Equal(version), m.Name)
		}
	}
}

func (s *story) libvirtMachines() []infrav1.LibvirtMachine {
	s.t.Helper()
	list := &infrav1.LibvirtMachineList{}
	s.must(s.client.List(s.ctx, list))
	return list.Items
}

func (s *story) machines() []clusterv1.Machine {
	s.t.Helper()
	list := &clusterv1.MachineList{}
	s.must(s.client.List(s.ctx, list))
	return list.Items
}

// identities are the UIDs of all Machines and LibvirtMachines.
func (s *story) identities() []string {
	s.t.Helper()
	uids := map[string]bool{}
	for _, m := range s.machines() {
		uids[string(m.UID)] = true
	}
	for _, m := range s.libvirtMachines() {
		uids[string(m.UID)] = true
	}
	return slices.Sorted(maps.Keys(uids))
}

func (s *story) bootstrapConfigs() []bootstrapv1.AltcosBootstrapConfig {
	s.t.Helper()
	list := &bootstrapv1.AltcosBootstrapConfigList{}
	s.must(s.client.List(s.ctx, list))
	return list.Items
}
