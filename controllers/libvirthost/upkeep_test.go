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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
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
	w.Expect(conditions.IsTrue(w.Get("a"), infrav1.ReadyCondition)).To(BeTrue(), "%v", w.Get("a").Status.Conditions)
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
	w.Expect(conditions.IsTrue(w.Get("a"), infrav1.ReadyCondition)).To(BeTrue())
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
	}, patience, poll).Should(ContainSubstring("being installed"))
	w.Expect(conditions.IsTrue(w.Get("a"), infrav1.ReadyCondition)).To(BeTrue(), "machines need no load balancer")
	close(w.shell.holdInstall)
	w.Eventually(func() bool { return carries().Status == metav1.ConditionTrue }, patience, poll).Should(BeTrue())
}
