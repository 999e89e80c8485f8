// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"

	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
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
			lm := w.Get("m")
			template := builder.LibvirtMachineTemplate(w.Meta("t"), func(t *infrav1.LibvirtMachineTemplate) { t.Spec.Template.Spec = lm.Spec })
			w.Create(template) // no webhook runs here: what is refused, the schema refuses
			change(&template.Spec.Template.Spec)
			w.Update(template)
			change(&lm.Spec)
			err := environment.Client.Update(w.Ctx, lm)
			w.Expect(apierrors.IsInvalid(err)).To(BeTrue(), "%v", err)
			w.Expect(err.Error()).To(ContainSubstring("replace the machine"))
		})
	}
}

func TestSchema_placeCannotBeChangedOnceGiven(t *testing.T) {
	w := newWorld(t)
	w.addMachine("m")
	lm := w.Get("m")
	lm.Spec.StoragePool = "other" // not placed yet
	w.Update(lm)
	lm.Spec.StoragePool, lm.Spec.Host, lm.Spec.ProviderID = "default", "a", "libvirt://"+string(lm.UID)
	w.Update(lm)
	for field, change := range map[string]func(*infrav1.LibvirtMachineSpec){
		"storagePool": func(s *infrav1.LibvirtMachineSpec) { s.StoragePool = "other" },
		"host":        func(s *infrav1.LibvirtMachineSpec) { s.Host = "b" },
		"providerID":  func(s *infrav1.LibvirtMachineSpec) { s.ProviderID = "libvirt://another" },
	} {
		changed := w.Get("m")
		change(&changed.Spec)
		err := environment.Client.Update(w.Ctx, changed)
		w.Expect(apierrors.IsInvalid(err)).To(BeTrue(), "%v", err)
		w.Expect(err.Error()).To(ContainSubstring(field + " cannot be changed"))
	}
}

func TestSchema_imageIsNoVolumeOfAMachine(t *testing.T) {
	w := newWorld(t)
	for volume, fine := range map[string]bool{
		"altcos-10.1_x86-64.qcow2":                        true,
		"0f0b4c8e.qcow2":                                  true,
		"6f0b4c8e-0000-4000-8000-000000000001-root.qcow2": false,
		"6F0B4C8E-0000-4000-8000-000000000001-containers": false,
		"6f0b4c8e-0000-4000-8000-000000000001.ign":        false,
		"img-" + digest(nil) + ".qcow2":                   true,
		"img-" + digest(nil) + ".ok":                      false,
		"something.ign":                                   false,
	} {
		lm := builder.LibvirtMachine(w.Meta("m"), func(lm *infrav1.LibvirtMachine) { lm.Spec.Image.Volume = volume })
		err := environment.Client.Create(w.Ctx, lm, client.DryRunAll)
		w.Expect(err == nil).To(Equal(fine), "%s: %v", volume, err)
		if err != nil {
			w.Expect(err.Error()).To(And(ContainSubstring("spec.image.volume"), ContainSubstring("must be the name of an image")))
		}
	}
}
