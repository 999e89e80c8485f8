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

// controlledBy returns a data Secret as a backup, or somebody else, may have left it.
func (w *world) controlledBy(name string, owners ...metav1.OwnerReference) *corev1.Secret {
	w.T.Helper()
	made := builder.Secret(w.Meta(name), "value", "old")
	made.Type, made.OwnerReferences = clusterv1.ClusterSecretType, owners
	w.Create(made)
	return made
}

func controlling(kind, name string) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: bootstrapv1.GroupVersion.String(), Kind: kind, Name: name, UID: "stale", Controller: new(true)}
}

func TestReconcile_takesBackItsDataSecretAfterARestore(t *testing.T) {
	another := metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: "another", UID: "another"}
	cases := map[string][]metav1.OwnerReference{
		"with a stale UID": {another, controlling("AltcosBootstrapConfig", "m")},
		"without owner":    nil,
	}
	for name, owners := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.controlledBy("m", owners...)
			answered(w)
			w.ExpectReady("m")
			data := w.data()
			w.Expect(metav1.IsControlledBy(data, w.Get("m"))).To(BeTrue())
			w.Expect(data.OwnerReferences).To(HaveLen(max(1, len(owners))), "other owners stay")
			w.Expect(string(data.Data["value"])).To(ContainSubstring(`"version":"3.2.0"`))
		})
		t.Run(name+", of a Machine that has its data", func(t *testing.T) {
			w := newWorld(t)
			w.controlledBy("m", owners...)
			w.take("m")
			w.ExpectReady("m")
			w.Expect(w.Get("m").Status.DataSecretName).To(Equal("m"))
			w.Expect(metav1.IsControlledBy(w.data(), w.Get("m"))).To(BeTrue())
			w.Expect(string(w.data().Data["value"])).To(Equal("old"), "what the Machine took does not change")
		})
	}
}

func TestReconcile_leavesSecretsOfOthersAlone(t *testing.T) {
	t.Run("one with the name of the data Secret", func(t *testing.T) {
		w := newWorld(t)
		made := w.controlledBy("m", controlling("AltcosBootstrapConfig", "other"))
		answered(w)
		w.Converged("m")
		w.ExpectFalse("m", dataSecretAvailable, bootstrapv1.AltcosBootstrapConfigRenderFailedReason, "does not belong to this object")
		w.Expect(w.Result.RequeueAfter).To(Equal(30 * time.Second))
		w.Expect(w.data().ResourceVersion).To(Equal(made.ResourceVersion))

		w.Remove(made)
		w.ExpectReady("m")
	})
	for name, owners := range map[string][]metav1.OwnerReference{
		"one that the user gave the Machine":         nil,
		"one of another name with a stale reference": {controlling("AltcosBootstrapConfig", "m")},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			made := w.controlledBy("own-data", owners...)
			w.take("own-data")
			w.Converged("m")
			w.Expect(w.Get("m").Status.DataSecretName).To(Equal("own-data"))
			w.Expect(w.secret("own-data").ResourceVersion).To(Equal(made.ResourceVersion))
		})
	}
	t.Run("one with the name of the child's data", func(t *testing.T) {
		w := newWorld(t)
		w.Converged("m")
		w.controlledBy("m-kubeadm")
		w.Converged("m")
		w.ExpectFalse("m", kubeadmDataReady, bootstrapv1.AltcosBootstrapConfigWaitingForKubeadmReason, "not controlled by this KubeadmConfig")
		w.absent("m", &corev1.Secret{})
	})
}

var authorities = []string{"demo-ca", "demo-etcd", "demo-proxy", "demo-sa"}

func TestReconcile_makesAuthoritiesThatOutliveTheFirstMachine(t *testing.T) {
	w := newControlPlane(t)
	w.Converged("m")
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
	w.Converged("m2")
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
	w.Converged("m")
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
	w.Converged("m")
	w.ExpectFalse("m", kubeadmDataReady, bootstrapv1.AltcosBootstrapConfigCertificatesMissingReason, "external etcd")
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
			w.Converged("m")
			w.child()
			for _, name := range authorities {
				w.absent(name, &corev1.Secret{})
			}
		})
	}
}
