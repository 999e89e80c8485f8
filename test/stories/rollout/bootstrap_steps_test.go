// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kubeadmv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
)

// keepsBootstrapData removes the status of a worker's bootstrap objects, as a move to another management cluster does.
func (s *story) keepsBootstrapData() {
	configs := s.bootstrapConfigs()
	s.Expect(configs).To(HaveLen(1))
	c := &configs[0]
	name := s.dataSecretOf(c.Name)
	before := s.secret(name)
	s.Expect(before.Data).To(HaveKeyWithValue("format", []byte("ignition")))
	s.Expect(blocks(s.t, before.Data["value"])).To(HaveKeyWithValue(
		"file /var/lib/altcos-bootstrap/bootstrap.sh 0600", ContainSubstring("kubeadm join --config")))

	c.Status = bootstrapv1.AltcosBootstrapConfigStatus{}
	s.must(s.client.Status().Update(s.ctx, c))
	child := &kubeadmv1.KubeadmConfig{}
	s.must(s.client.Get(s.ctx, key(c.Name+"-kubeadm"), child))
	child.Status = kubeadmv1.KubeadmConfigStatus{}
	s.must(s.client.Status().Update(s.ctx, child))
	s.Eventually(func(g Gomega) {
		g.Expect(s.client.Get(s.ctx, client.ObjectKeyFromObject(c), c)).To(Succeed())
		g.Expect(c.Status.DataSecretName).To(Equal(name))
		g.Expect(ptr.Deref(c.Status.Initialization.DataSecretCreated, false)).To(BeTrue())
		g.Expect(conditions.IsTrue(c, bootstrapv1.ReadyCondition)).To(BeTrue())
		g.Expect(s.client.Get(s.ctx, client.ObjectKeyFromObject(child), child)).To(Succeed())
		g.Expect(ptr.Deref(child.Status.Initialization.DataSecretCreated, false)).To(BeTrue())
	}, patience, lookEvery).Should(Succeed())
	s.Consistently(func(g Gomega) {
		after := s.secret(name)
		g.Expect(after.UID).To(Equal(before.UID))
		g.Expect(after.Data).To(Equal(before.Data))
	}, time.Second, lookEvery).Should(Succeed())
}

// dataSecretOf returns the name of the Secret that the owner of a bootstrap config uses.
func (s *story) dataSecretOf(config string) string {
	s.t.Helper()
	for _, m := range s.machines() {
		if m.Spec.Bootstrap.ConfigRef.Name == config && m.Spec.Bootstrap.ConfigRef.Kind == "AltcosBootstrapConfig" {
			return ptr.Deref(m.Spec.Bootstrap.DataSecretName, "")
		}
	}
	return ""
}

func (s *story) secret(name string) *corev1.Secret {
	s.t.Helper()
	found := &corev1.Secret{}
	s.must(s.client.Get(s.ctx, key(name), found))
	return found
}

// outlivesPause pauses the cluster while the kubeadm bootstrap provider cannot get a token for a second worker, and checks
// that it reconciles the worker's config during the pause: what it skips then it would not do later on its own.
func (s *story) outlivesPause() {
	s.workload.refuseTokens(true)
	s.scaleWorkers(2)
	s.Eventually(s.workload.refusals, patience, lookEvery).Should(BeNumerically(">", 0))
	s.pause(true)
	s.Eventually(func(g Gomega) {
		waiting := s.withoutData()
		g.Expect(waiting).To(HaveLen(1))
		child := &kubeadmv1.KubeadmConfig{}
		g.Expect(s.client.Get(s.ctx, key(waiting[0]+"-kubeadm"), child)).To(Succeed())
		g.Expect(conditions.IsTrue(child, clusterv1.PausedCondition)).To(BeTrue())
	}, patience, lookEvery).Should(Succeed())

	s.workload.refuseTokens(false)
	s.pause(false)
	s.awaitCluster(3, newVersion, 2)
	s.checkHosts()
	workers := s.workers(s.alive())
	s.expectSame(workers[0], workers[1], knowsOthers)
	s.Expect(s.lives()).To(HaveLen(8))
}

// withoutData returns the names of the bootstrap configs whose machines wait.
func (s *story) withoutData() []string {
	s.t.Helper()
	var waiting []string
	for _, c := range s.bootstrapConfigs() {
		if s.dataSecretOf(c.Name) == "" {
			waiting = append(waiting, c.Name)
		}
	}
	return waiting
}
