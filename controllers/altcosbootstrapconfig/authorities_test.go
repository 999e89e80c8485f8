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
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
	"github.com/altcos/cluster-api-provider-altcos/test/fixture"
)

var authorities = []string{"demo-ca", "demo-etcd", "demo-proxy", "demo-sa"}

func TestReconcile_makesAuthoritiesThatOutliveTheFirstMachine(t *testing.T) {
	w := newControlPlane(t)
	w.Expect(w.Converge("m")).To(Succeed())
	w.child()
	cluster := fixture.Get[*clusterv1.Cluster](w, "demo")
	before := map[string]string{}
	for _, name := range authorities {
		made := w.secret(name)
		w.Expect(made.OwnerReferences).To(Equal([]metav1.OwnerReference{
			{APIVersion: clusterv1.GroupVersion.String(), Kind: "Cluster", Name: "demo", UID: cluster.UID},
		}), name)
		w.Expect(made.Labels).To(HaveKeyWithValue(clusterv1.ClusterNameLabel, "demo"))
		w.Expect(made.Type).To(Equal(clusterv1.ClusterSecretType))
		w.Expect(made.Data).To(And(HaveKey("tls.crt"), HaveKey("tls.key")))
		before[name] = made.ResourceVersion
	}
	w.addMachine("m2", builder.ControlPlane)
	w.Expect(w.Converge("m2")).To(Succeed())
	fixture.Get[*kubeadmv1.KubeadmConfig](w, "m2-kubeadm")
	for _, name := range authorities {
		w.Expect(w.secret(name).ResourceVersion).To(Equal(before[name]), name)
	}
}

func TestReconcile_keepsTheUsersAuthorities(t *testing.T) {
	w := newControlPlane(t)
	// one that the cache holds and one that it does not, for want of the label
	own := map[string]map[string][]byte{}
	for _, name := range []string{"demo-ca", "demo-etcd"} {
		made := builder.Secret(w.Meta(name), "tls.crt", "c", "tls.key", "k")
		w.Create(made)
		own[name] = made.Data
	}
	w.Reconciler.Client = unseen[*corev1.Secret]("demo-etcd")
	w.Expect(w.Converge("m")).To(Succeed())
	w.child()
	for name, data := range own {
		w.Expect(w.secret(name).Data).To(Equal(data))
		w.Expect(w.secret(name).OwnerReferences).To(BeEmpty())
	}
	w.Expect(w.secret("demo-proxy").OwnerReferences).To(HaveLen(1))
	w.Expect(w.secret("demo-sa").OwnerReferences).To(HaveLen(1))
}

func TestReconcile_waitsForTheCertificatesOfAnExternalEtcd(t *testing.T) {
	w := newControlPlane(t, func(c *bootstrapv1.AltcosBootstrapConfig) {
		c.Spec.Kubeadm.ClusterConfiguration.Etcd.External = kubeadmv1.ExternalEtcd{
			Endpoints: []string{"https://10.0.0.1:2379"}, CAFile: "/etc/etcd/ca.crt", CertFile: "/etc/etcd/c.crt", KeyFile: "/etc/etcd/c.key",
		}
	})
	w.Expect(w.Converge("m")).To(Succeed())
	w.expect(kubeadmDataReady, bootstrapv1.AltcosBootstrapConfigCertificatesMissingReason, "external etcd")
	w.Expect(w.Result.RequeueAfter).To(Equal(30 * time.Second))
}

func TestReconcile_makesNoAuthoritiesForOthers(t *testing.T) {
	cases := map[string]struct {
		machine func(*clusterv1.Machine)
		cluster func(*clusterv1.Cluster)
	}{
		"for a worker": {nil, builder.Provisioned},
		"beside a control plane object": {builder.ControlPlane[*clusterv1.Machine], func(c *clusterv1.Cluster) {
			c.Spec.ControlPlaneRef = clusterv1.ContractVersionedObjectReference{APIGroup: "controlplane.cluster.x-k8s.io", Kind: "KubeadmControlPlane", Name: "demo"}
		}},
		"in place of those that a running control plane uses": {builder.ControlPlane[*clusterv1.Machine], initialized},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newCluster(t)
			w.addMachine("m", c.machine)
			fixture.Change(w, "demo", c.cluster)
			w.Expect(w.Converge("m")).To(Succeed())
			w.child()
			for _, name := range authorities {
				w.absent(name, &corev1.Secret{})
			}
		})
	}
}
