// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

// changes are what a rotation of a ClusterClass changes in templates and nobody may change in a machine.
func changes() map[string]func(*infrav1.LibvirtMachineSpec) {
	return map[string]func(*infrav1.LibvirtMachineSpec){
		"vcpus":    func(s *infrav1.LibvirtMachineSpec) { s.VCPUs = 4 },
		"memory":   func(s *infrav1.LibvirtMachineSpec) { s.Memory = resource.MustParse("4Gi") },
		"image":    func(s *infrav1.LibvirtMachineSpec) { s.Image.Volume = "other.qcow2" },
		"rootDisk": func(s *infrav1.LibvirtMachineSpec) { s.RootDisk = infrav1.RootDisk{} },
		"networkInterfaces": func(s *infrav1.LibvirtMachineSpec) {
			s.NetworkInterfaces = []infrav1.NetworkInterface{{Bridge: "br1"}}
		},
	}
}

func TestSchema_templatesMayChangeInDryRunsAndMachinesNever(t *testing.T) {
	for name, change := range changes() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.addMachine("m")
			lm := w.get("m")
			template := &infrav1.LibvirtMachineTemplate{ObjectMeta: w.meta("t")}
			template.Spec.Template.Spec = lm.Spec
			w.create(template) // no webhook runs here: what is refused, the schema refuses
			change(&template.Spec.Template.Spec)
			w.Expect(environment.Client.Update(w.ctx, template)).To(Succeed())
			change(&lm.Spec)
			err := environment.Client.Update(w.ctx, lm)
			w.Expect(apierrors.IsInvalid(err)).To(BeTrue(), "%v", err)
			w.Expect(err.Error()).To(ContainSubstring("replace the machine"))
		})
	}
}
