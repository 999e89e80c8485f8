// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirthost_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/resource"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/test/fixture"
)

// unaccounted is what the host reports, in CPUs, GiB of memory and GiB of disk.
func (w *world) unaccounted() [3]int64 {
	w.T.Helper()
	w.converge()
	told := w.Get("a").Status.Unaccounted
	w.Expect(told.CPUs).NotTo(BeNil())
	return [3]int64{int64(*told.CPUs), told.Memory.Value() / gib, told.Storage.Value() / gib}
}

func (w *world) addBoundMachine(name string, modifiers ...func(*infrav1.LibvirtMachine)) *infrav1.LibvirtMachine {
	w.T.Helper()
	w.addMachine(name, strings.Repeat("a", 64), modifiers...)
	return fixture.Change(w, name, func(lm *infrav1.LibvirtMachine) { lm.Spec.ProviderID = "libvirt://" + string(lm.UID) })
}

func TestReconcile_tellsWhatOthersHaveOnTheHost(t *testing.T) {
	const other, elsewhere = "6f0b4c8e-0000-4000-8000-000000000001", "6f0b4c8e-0000-4000-8000-000000000002"
	w := newWorld(t)
	w.Expect(w.unaccounted()).To(Equal([3]int64{}))
	w.fake.PutDomain(virt.Domain{UUID: other, Name: "by-hand", VCPUs: 3, MemoryBytes: 16 * gib})
	w.fake.PutDomain(virt.Domain{ // another management cluster's
		UUID: elsewhere, Name: "elsewhere", Owner: virt.Owner{UID: elsewhere, Namespace: "ns", Name: "m"}, VCPUs: 2, MemoryBytes: 4 * gib,
	})
	w.putDisk("by-hand.qcow2", 20*gib)
	theirs := [3]int64{5, 20, 20}
	w.Expect(w.unaccounted()).To(Equal(theirs))

	lm := w.addBoundMachine("m")
	w.Expect(w.unaccounted()).To(Equal(theirs), "a machine that has no domain yet hides nothing")
	uid := string(lm.UID)
	domain := virt.Domain{UUID: uid, Name: "m", Owner: virt.Owner{UID: uid, Namespace: w.Namespace, Name: "m"}, VCPUs: 2, MemoryBytes: 2 * gib}
	w.fake.PutDomain(domain)
	w.Expect(w.unaccounted()).To(Equal(theirs), "one that has it is accounted for")
	w.Expect(*w.Get("a").Status.Allocated.CPUs).To(Equal(int32(7)))

	w.putDisk(uid+"-root.qcow2", 10*gib)
	w.Expect(w.unaccounted()).To(Equal([3]int64{5, 20, 30}), "the spec did not ask for a size")
	domain.MemoryBytes = 3 * gib // virsh setmaxmem
	w.fake.PutDomain(domain)
	w.Expect(w.unaccounted()).To(Equal([3]int64{5, 21, 30}))

	w.Remove(lm)
	w.Expect(w.unaccounted()).To(Equal([3]int64{7, 23, 30}), "what a machine that is gone has left takes room")
}

func (w *world) putDisk(name string, size int64) {
	w.T.Helper()
	_, err := w.fake.CreateVolume(w.Ctx, virt.VolumeSpec{
		VolumeRef: virt.VolumeRef{Pool: "default", Name: name}, Format: virt.VolumeQCOW2, CapacityBytes: size,
	})
	w.Expect(err).NotTo(HaveOccurred())
}

func TestReconcile_aMachineWithSizesTakesItsOwnRoom(t *testing.T) {
	w := newWorld(t)
	lm := w.addBoundMachine("m", func(lm *infrav1.LibvirtMachine) {
		lm.Spec.RootDisk.Size = resource.NewQuantity(10*gib, resource.BinarySI)
	})
	w.putDisk(string(lm.UID)+"-root.qcow2", 10*gib)
	w.Expect(w.unaccounted()).To(Equal([3]int64{}))
}
