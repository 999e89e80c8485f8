// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcosbootstrapconfig_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	kubeadmv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
)

var authorities = []string{"demo-ca", "demo-etcd", "demo-proxy", "demo-sa"}

func (w *world) authority(name string) *corev1.Secret {
	w.t.Helper()
	found := &corev1.Secret{}
	w.read(name, found)
	return found
}

func TestReconcile_makesAuthoritiesThatOutliveTheFirstMachine(t *testing.T) {
	w := newControlPlane(t)
	w.Expect(w.settle()).To(Succeed())
	w.child()
	cluster := &clusterv1.Cluster{}
	w.read("demo", cluster)
	before := map[string]string{}
	for _, name := range authorities {
		made := w.authority(name)
		w.Expect(made.OwnerReferences).To(Equal([]metav1.OwnerReference{
			{APIVersion: clusterv1.GroupVersion.String(), Kind: "Cluster", Name: "demo", UID: cluster.UID},
		}), name)
		w.Expect(made.Labels).To(HaveKeyWithValue(clusterv1.ClusterNameLabel, "demo"))
		w.Expect(made.Type).To(Equal(clusterv1.ClusterSecretType))
		w.Expect(made.Data).To(And(HaveKey("tls.crt"), HaveKey("tls.key")))
		before[name] = made.ResourceVersion
	}
	w.addMachine("m2", asControlPlane)
	w.Expect(w.settleOf("m2")).To(Succeed())
	w.read("m2-kubeadm", &kubeadmv1.KubeadmConfig{})
	for _, name := range authorities {
		w.Expect(w.authority(name).ResourceVersion).To(Equal(before[name]), name)
	}
}

func TestReconcile_keepsTheUsersAuthorities(t *testing.T) {
	w := newControlPlane(t)
	// one that the cache holds and one that it does not, for want of the label
	own := map[string]map[string][]byte{}
	for _, name := range []string{"demo-ca", "demo-etcd"} {
		made := &corev1.Secret{ObjectMeta: w.meta(name), Data: map[string][]byte{"tls.crt": []byte("c"), "tls.key": []byte("k")}}
		w.create(made)
		own[name] = made.Data
	}
	w.reconciler.Client = unseen[*corev1.Secret]("demo-etcd")
	w.Expect(w.settle()).To(Succeed())
	w.child()
	for name, data := range own {
		w.Expect(w.authority(name).Data).To(Equal(data))
		w.Expect(w.authority(name).OwnerReferences).To(BeEmpty())
	}
	w.Expect(w.authority("demo-proxy").OwnerReferences).To(HaveLen(1))
	w.Expect(w.authority("demo-sa").OwnerReferences).To(HaveLen(1))
}

func TestReconcile_waitsForTheCertificatesOfAnExternalEtcd(t *testing.T) {
	w := newControlPlane(t, func(c *bootstrapv1.AltcosBootstrapConfig) {
		c.Spec.Kubeadm.ClusterConfiguration.Etcd.External = kubeadmv1.ExternalEtcd{
			Endpoints: []string{"https://10.0.0.1:2379"}, CAFile: "/etc/etcd/ca.crt", CertFile: "/etc/etcd/c.crt", KeyFile: "/etc/etcd/c.key",
		}
	})
	w.Expect(w.settle()).To(Succeed())
	w.expect(kubeadmDataReady, bootstrapv1.AltcosBootstrapConfigCertificatesMissingReason, "external etcd")
	w.Expect(w.result.RequeueAfter).To(Equal(30 * time.Second))
}

func TestReconcile_makesNoAuthoritiesForOthers(t *testing.T) {
	cases := map[string]func(t *testing.T) *world{
		"for a worker": func(t *testing.T) *world { t.Helper(); return newWorld(t) },
		"beside a control plane object": func(t *testing.T) *world {
			t.Helper()
			w := newControlPlane(t)
			cluster := &clusterv1.Cluster{}
			w.read("demo", cluster)
			cluster.Spec.ControlPlaneRef = clusterv1.ContractVersionedObjectReference{APIGroup: "controlplane.cluster.x-k8s.io", Kind: "KubeadmControlPlane", Name: "demo"}
			w.update(cluster)
			return w
		},
		"in place of those that a running control plane uses": func(t *testing.T) *world {
			t.Helper()
			w := newControlPlane(t)
			w.changeCluster(initialized)
			return w
		},
	}
	for name, prepare := range cases {
		t.Run(name, func(t *testing.T) {
			w := prepare(t)
			w.Expect(w.settle()).To(Succeed())
			w.child()
			for _, name := range authorities {
				w.absent(name, &corev1.Secret{})
			}
		})
	}
}
