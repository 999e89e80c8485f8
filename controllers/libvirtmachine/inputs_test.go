// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

func (w *world) setSecret(format, value string) {
	w.t.Helper()
	secret := &corev1.Secret{}
	w.Expect(environment.Client.Get(w.ctx, w.key("m"), secret)).To(Succeed())
	secret.Data = map[string][]byte{"format": []byte(format), "value": []byte(value)}
	w.Expect(environment.Client.Update(w.ctx, secret)).To(Succeed())
}

func TestBadInput_givesDocumentedReason(t *testing.T) {
	const (
		token  = "s3cr3t-token"
		enough = 8 // Reconciles to get from nothing to the first phase that needs no writes of its own
	)
	none := func(*infrav1.LibvirtMachine) {}
	cases := map[string]struct {
		spec              func(*infrav1.LibvirtMachine)
		before            func(*world)
		condition, reason string
	}{
		"the cluster is not provisioned": {none, func(w *world) {
			cluster := &clusterv1.Cluster{}
			w.Expect(environment.Client.Get(w.ctx, w.key("demo"), cluster)).To(Succeed())
			cluster.Status.Initialization.InfrastructureProvisioned = nil
			w.Expect(environment.Client.Status().Update(w.ctx, cluster)).To(Succeed())
		}, infrav1.LibvirtMachineInputsReadyCondition, infrav1.LibvirtMachineWaitingForClusterReason},
		"there is no bootstrap data": {none, func(w *world) {
			machine := &clusterv1.Machine{}
			w.Expect(environment.Client.Get(w.ctx, w.key("m"), machine)).To(Succeed())
			machine.Spec.Bootstrap = clusterv1.Bootstrap{ConfigRef: clusterv1.ContractVersionedObjectReference{APIGroup: "bootstrap.cluster.x-k8s.io", Kind: "KubeadmConfig", Name: "m"}}
			w.Expect(environment.Client.Update(w.ctx, machine)).To(Succeed())
		}, infrav1.LibvirtMachineInputsReadyCondition, infrav1.LibvirtMachineWaitingForBootstrapDataReason},
		"no host has room": {func(lm *infrav1.LibvirtMachine) { lm.Spec.Memory = resource.MustParse("1Ti") }, nil,
			infrav1.LibvirtMachineHostAssignedCondition, infrav1.LibvirtMachineNoHostFitsReason},
		"no host is selected": {func(lm *infrav1.LibvirtMachine) {
			lm.Spec.HostSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"disk": "nvme"}}
		}, nil, infrav1.LibvirtMachineHostAssignedCondition, infrav1.LibvirtMachineNoHostFitsReason},
		"the host asked for does not exist": {func(lm *infrav1.LibvirtMachine) { lm.Spec.Host = "nowhere" }, nil,
			infrav1.LibvirtMachineHostAssignedCondition, infrav1.LibvirtMachineHostUnknownReason},
		"Ignition of spec 2": {none, func(w *world) { w.setSecret("ignition", `{"ignition":{"version":"2.3.0"},"x":"`+token+`"}`) },
			infrav1.LibvirtMachineBootstrapRenderedCondition, infrav1.LibvirtMachineBootstrapInvalidReason},
		"cloud-config with unknown keys": {none, func(w *world) { w.setSecret("cloud-config", "#cloud-config\nunknown: "+token+"\n") },
			infrav1.LibvirtMachineBootstrapRenderedCondition, infrav1.LibvirtMachineBootstrapInvalidReason},
		"a profile that does not exist": {func(lm *infrav1.LibvirtMachine) { lm.Spec.AltcosTemplateRef.Name = "absent" }, nil,
			infrav1.LibvirtMachineBootstrapRenderedCondition, infrav1.LibvirtMachineProfileMissingReason},
		"an image volume that is not there": {func(lm *infrav1.LibvirtMachine) { lm.Spec.Image.Volume = "absent.qcow2" }, nil,
			infrav1.LibvirtMachineImageReadyCondition, infrav1.LibvirtMachineImageUnavailableReason},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			host := w.addHost("a")
			w.addMachine("m", c.spec)
			if c.before != nil {
				c.before(w)
			}
			for range enough { // a Terminal is returned as an error, so settle would never see the end
				w.answerClaims()
				_, _ = w.reconcile("m")
			}
			lm := w.get("m")
			got := conditions.Get(lm, c.condition)
			w.Expect(got).NotTo(BeNil())
			w.Expect(got.Status).To(Equal(metav1.ConditionFalse))
			w.Expect(got.Reason).To(Equal(c.reason), got.Message)
			ready := conditions.Get(lm, infrav1.ReadyCondition)
			w.Expect(ready.Status).To(Equal(metav1.ConditionFalse))
			w.Expect(ready.Reason).To(Equal(c.reason))
			w.Expect(ready.Message).To(ContainSubstring(c.condition))
			w.Expect(host.Domains()).To(BeEmpty())
			w.Expect(ready.Message).NotTo(ContainSubstring(token))
			close(w.events.Events)
			for e := range w.events.Events {
				w.Expect(e).NotTo(ContainSubstring(token))
			}
		})
	}
}
