// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

// What an earlier version let pass must keep its owners, labels and finalizers writable. Admission itself lets no test
// store such an object.
func TestConfigValidator_looksOnlyAtSpecsThatChange(t *testing.T) {
	v := &configValidator{sources{fake.NewClientBuilder().Build()}}
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

func TestTemplateValidator_looksOnlyAtTemplatesThatChange(t *testing.T) {
	v := templateValidator(sources{fake.NewClientBuilder().Build()})
	ctx := admission.NewContextWithRequest(t.Context(), admission.Request{})
	bad := &bootstrapv1.AltcosBootstrapConfigTemplate{ObjectMeta: metav1.ObjectMeta{Name: "m"}}
	bad.Spec.Template.Spec.Kubeadm.Format = "ignition"
	labelled := bad.DeepCopy()
	labelled.Labels = map[string]string{"a": "b"}
	if _, err := v.ValidateUpdate(ctx, bad, labelled); err != nil {
		t.Errorf("its labels cannot change: %v", err)
	}
	labelled.Spec.Template.ObjectMeta.Labels = map[string]string{"a b": "c"}
	if _, err := v.ValidateUpdate(ctx, bad, labelled); err == nil {
		t.Error("labels of what it makes are not looked at")
	}
	good := bad.DeepCopy()
	good.Spec.Template.Spec.Kubeadm.Format = ""
	if _, err := v.ValidateUpdate(ctx, bad, good); err == nil {
		t.Error("its spec can change")
	}
}

// Configs in Secrets and ConfigMaps may come and change later, so that nothing is refused for them.
func TestValidators_warnOfSources(t *testing.T) {
	const good, bad = "variant: fcos\nversion: 1.3.0\n", "variant: fcos\nversion: 1.3.0\nsystemd:\n  s3cr3t: 1\n"
	meta := metav1.ObjectMeta{Namespace: "n", Name: "o"}
	known := sources{fake.NewClientBuilder().WithObjects(
		&corev1.Secret{ObjectMeta: meta, Data: map[string][]byte{"good": []byte(good), "bad": []byte(bad)}},
		&corev1.ConfigMap{ObjectMeta: meta, Data: map[string]string{"good": good, "bad": bad}},
	).Build()}
	v := &configValidator{known}
	config := &bootstrapv1.AltcosBootstrapConfig{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "m"}}
	for _, kind := range []bootstrapv1.ButaneSourceKind{bootstrapv1.ButaneSourceSecret, bootstrapv1.ButaneSourceConfigMap} {
		for _, key := range []string{"good", "bad", "absent"} {
			config.Spec.ButaneFrom = append(config.Spec.ButaneFrom, bootstrapv1.ButaneSource{Kind: kind, Name: "o", Key: key})
		}
	}
	want := admission.Warnings{
		`spec.butaneFrom[1]: key "bad" of Secret "o": line 4 column 3: is refused; details are left out, since the document is a Secret`,
		`spec.butaneFrom[4]: key "bad" of ConfigMap "o": line 4 column 3: $.systemd.s3cr3t: unused key s3cr3t`,
	}
	got, err := v.ValidateCreate(t.Context(), config)
	assert.NoError(t, err)
	assert.Equal(t, want, got)
	got, err = v.ValidateUpdate(t.Context(), &bootstrapv1.AltcosBootstrapConfig{}, config)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("update: %v (-want +got)\n%s", err, diff)
	}

	made := &bootstrapv1.AltcosBootstrapConfigTemplate{ObjectMeta: config.ObjectMeta}
	made.Spec.Template.Spec = config.Spec
	got, err = templateValidator(known).ValidateCreate(t.Context(), made)
	for i := range want {
		want[i] = strings.Replace(want[i], "spec.", "spec.template.spec.", 1)
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("template: %v (-want +got)\n%s", err, diff)
	}
}
