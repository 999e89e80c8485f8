// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
)

// What an earlier version let pass must keep its owners, labels and finalizers writable. Admission itself lets no test
// store such an object.
func TestConfigValidator_looksOnlyAtSpecsThatChange(t *testing.T) {
	v := &configValidator{specValidator{func(string) error { return nil }}}
	bad := &bootstrapv1.AltcosBootstrapConfig{ObjectMeta: metav1.ObjectMeta{Name: "m"}}
	bad.Spec.Kubeadm.Format = "ignition"
	labelled := bad.DeepCopy()
	labelled.Labels = map[string]string{"a": "b"}
	if _, err := v.ValidateUpdate(t.Context(), bad, labelled); err != nil {
		t.Errorf("its labels cannot change: %v", err)
	}
	worse := bad.DeepCopy()
	worse.Spec.Kubeadm.PreKubeadmCommands = []string{"true"}
	if _, err := v.ValidateUpdate(t.Context(), bad, worse); err == nil {
		t.Error("a spec that changes is not looked at")
	}
	if _, err := v.ValidateCreate(t.Context(), bad); err == nil {
		t.Error("it can be created")
	}
}
