// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcosbootstrapconfig_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
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
			w.Expect(w.Converge("m")).To(Succeed())
			w.expectReady()
			data := w.data()
			w.Expect(metav1.IsControlledBy(data, w.Get("m"))).To(BeTrue())
			w.Expect(data.OwnerReferences).To(HaveLen(max(1, len(owners))), "other owners stay")
			w.Expect(string(data.Data["value"])).To(ContainSubstring(`"version":"3.2.0"`))
		})
		t.Run(name+", of a Machine that has its data", func(t *testing.T) {
			w := newWorld(t)
			w.controlledBy("m", owners...)
			w.take("m")
			w.Expect(w.Converge("m")).To(Succeed())
			w.expectReady()
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
		w.Expect(w.Converge("m")).To(Succeed())
		w.expect(dataSecretAvailable, bootstrapv1.AltcosBootstrapConfigRenderFailedReason, "does not belong to this object")
		w.Expect(w.Result.RequeueAfter).To(Equal(30 * time.Second))
		w.Expect(w.data().ResourceVersion).To(Equal(made.ResourceVersion))

		w.Remove(made)
		w.Expect(w.Converge("m")).To(Succeed())
		w.expectReady()
	})
	for name, owners := range map[string][]metav1.OwnerReference{
		"one that the user gave the Machine":         nil,
		"one of another name with a stale reference": {controlling("AltcosBootstrapConfig", "m")},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			made := w.controlledBy("own-data", owners...)
			w.take("own-data")
			w.Expect(w.Converge("m")).To(Succeed())
			w.Expect(w.Get("m").Status.DataSecretName).To(Equal("own-data"))
			w.Expect(w.secret("own-data").ResourceVersion).To(Equal(made.ResourceVersion))
		})
	}
	t.Run("one with the name of the child's data", func(t *testing.T) {
		w := newWorld(t)
		w.Expect(w.Converge("m")).To(Succeed())
		w.controlledBy("m-kubeadm")
		w.Expect(w.Converge("m")).To(Succeed())
		w.expect(kubeadmDataReady, bootstrapv1.AltcosBootstrapConfigWaitingForKubeadmReason, "not controlled by this KubeadmConfig")
		w.absent("m", &corev1.Secret{})
	})
}
