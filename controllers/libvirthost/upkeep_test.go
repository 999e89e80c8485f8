// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirthost_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
	"github.com/altcos/cluster-api-provider-altcos/test/fixture"
)

func (w *world) putImage(pool, sha256 string) virt.VolumeRef {
	w.T.Helper()
	ref := virt.VolumeRef{Pool: pool, Name: "img-" + sha256 + ".raw"}
	w.Expect(w.fake.PutVolume(ref, virt.VolumeRaw, make([]byte, 1<<20))).To(Succeed())
	w.Expect(w.fake.PutVolume(virt.VolumeRef{Pool: pool, Name: "img-" + sha256 + ".ok"}, virt.VolumeRaw, []byte("whole\n"))).To(Succeed())
	return ref
}

func TestReconcile_countsThinDisksWithWhatTheyMayGrowTo(t *testing.T) {
	w := newWorld(t)
	w.converge()
	before := w.Get("a").Status.Allocated.Storage.Value()
	base := w.putImage("default", strings.Repeat("a", 64))
	for i, size := range []int64{20 * gib, 0} { // without a size the disk is as large as its image
		_, err := w.fake.CreateVolume(w.Ctx, virt.VolumeSpec{
			VolumeRef: virt.VolumeRef{Pool: "default", Name: fmt.Sprint("disk", i)}, Format: virt.VolumeQCOW2, CapacityBytes: size, Backing: &base,
		})
		w.Expect(err).NotTo(HaveOccurred())
	}
	w.converge()
	grown := w.Get("a").Status.Allocated.Storage.Value() - before
	w.Expect(grown).To(And(BeNumerically(">=", 20*gib+2<<20), BeNumerically("<", 21*gib)), "thin disks are promised in full, images once")

	w.fake.FailNext(fakevirt.MethodListVolumes, 100, virt.ErrBusy)
	w.converge()
	w.Expect(w.Get("a").Status.Allocated.Storage.Value()-before).To(Equal(grown), "what cannot be found out is as it was")
}

func TestReconcile_isReadyWhateverHappensToUnusedImages(t *testing.T) {
	w := newWorld(t)
	w.images.err = errors.New("file is odd")
	w.converge()
	w.ExpectTrue("a", infrav1.ReadyCondition)
	w.Expect(w.Told()).To(ContainElement(ContainSubstring("ImagesNotCollected")))
}

func TestReconcile_collectsAndTellsImagesOfAllPools(t *testing.T) {
	w := newWorld(t)
	w.fake.Apply(fakevirt.WithPool("fast", 10*gib))
	sha := strings.Repeat("a", 64)
	w.putImage("fast", sha)
	inPool := func(name string) func(*infrav1.LibvirtMachine) {
		return func(lm *infrav1.LibvirtMachine) { lm.Spec.StoragePool = name }
	}
	machine := w.addMachine("m", sha, inPool("fast"))
	w.addMachine("n", sha, inPool("no-such-pool"))
	w.converge()
	w.Expect(w.images.pools()).To(ConsistOf("default", "fast"))
	w.Expect(w.images.last().Pool).To(Equal("fast"))
	w.Expect(w.images.last().Wanted(sha)).To(BeTrue())
	images := w.Get("a").Status.Images
	w.Expect(images).To(HaveLen(1))
	w.Expect([]string{images[0].Pool, images[0].SHA256, images[0].Size.String()}).To(Equal([]string{"fast", sha, "1Mi"}))
	w.Expect(images[0].Disks).To(Equal(new(int32(0))))

	w.Remove(machine)
	w.images.asked = nil
	w.converge()
	w.Expect(w.images.pools()).To(ConsistOf("default", "fast"), "the last machine is gone, its image is not")
}

func TestReconcile_tellsNoEndpointsAndStoresHoweverManyThereAre(t *testing.T) {
	w := newWorld(t)
	w.addCluster()
	w.shell.addresses = []string{"10.150.0.160/24"}
	for i := range 20 {
		w.shell.addresses = append(w.shell.addresses, fmt.Sprintf("10.150.0.%d/32", 170+i))
	}
	w.converge()
	w.Expect(w.Get("a").Status.BridgeAddresses).To(Equal([]string{"10.150.0.3/24"}))
	w.shell.set(func(s *shell) {
		for i := range 20 {
			s.addresses = append(s.addresses, fmt.Sprintf("10.151.%d.1/24", i))
		}
	})
	w.converge()
	w.Expect(w.Get("a").Status.BridgeAddresses).To(HaveLen(16))
}

func TestReconcile_leavesAloneWhatTheFilterDoesNotSelect(t *testing.T) {
	w := newWorld(t)
	w.Reconciler.WatchFilter = "mine"
	w.converge()
	w.Expect(w.Get("a").Finalizers).To(BeEmpty())
	w.Change("a", builder.Labelled[*infrav1.LibvirtHost](clusterv1.WatchLabel, "mine"))
	w.converge()
	w.ExpectTrue("a", infrav1.ReadyCondition)
}

// Packages come over a slow network: nobody waits for them, and their end is noticed at once.
func TestManager_installsPackagesBeside(t *testing.T) {
	w := newWorld(t, func(h *infrav1.LibvirtHost) { h.Spec.Packages = infrav1.HostSetupManage })
	w.shell.missing, w.shell.holdInstall = []string{"haproxy"}, make(chan struct{})
	w.Reconciler.Installs = nil
	w.run()
	const patience, poll = 20 * time.Second, 50 * time.Millisecond // below the retry
	carries := func() *metav1.Condition {
		return conditions.Get(w.Get("a"), infrav1.LibvirtHostLoadBalancerReadyCondition)
	}
	w.Eventually(func() string {
		if carries() == nil {
			return ""
		}
		return carries().Message
	}, patience, poll).Should(ContainSubstring("installing packages"))
	w.Expect(conditions.IsTrue(w.Get("a"), infrav1.ReadyCondition)).To(BeTrue(), "machines need no load balancer")
	close(w.shell.holdInstall)
	w.Eventually(func() bool { return carries().Status == metav1.ConditionTrue }, patience, poll).Should(BeTrue())
}

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
