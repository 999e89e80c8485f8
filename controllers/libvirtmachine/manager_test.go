// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/async"
	"github.com/altcos/cluster-api-provider-altcos/internal/index"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
	"github.com/altcos/cluster-api-provider-altcos/test/fixture"
)

// run starts the controller in a manager.
func (w *world) run(t *testing.T) {
	t.Helper()
	environment.RunManager(t, environment.ManagerOptions(), func(ctx context.Context, mgr ctrl.Manager) error {
		tasks := async.New(async.Options{})
		w.Reconciler.Client, w.Reconciler.Events, w.Reconciler.Tasks = mgr.GetClient(), w.cloud.Events(), tasks
		if err := mgr.Add(tasks); err != nil {
			return err
		}
		if err := index.AddMachine(ctx, mgr.GetFieldIndexer()); err != nil {
			return err
		}
		return w.Reconciler.SetupWithManager(ctx, mgr, controller.Options{MaxConcurrentReconciles: 10})
	})
}

func TestManager_twentyMachinesNeverOverbookHosts(t *testing.T) {
	const patience, poll = 3 * time.Minute, 100 * time.Millisecond
	w := newWorld(t)
	var hosts []*fakevirt.Host
	for _, name := range []string{"a", "b", "c"} {
		hosts = append(hosts, w.addHost(name)) // room for three machines each, by their disks
	}
	w.addUnaccounted(12 * gib) // and for two where others have most of the memory
	w.run(t)
	for i := range 20 {
		w.addMachine(fmt.Sprintf("m%02d", i))
	}
	ready := func() (n int) {
		w.answerClaims()
		for _, lm := range w.machines() {
			if conditions.IsTrue(&lm, infrav1.ReadyCondition) {
				n++
			}
		}
		return n
	}
	booked := func() (counts []int) {
		w.answerClaims()
		for _, h := range hosts {
			counts = append(counts, len(slices.DeleteFunc(h.Domains(), func(d virt.Domain) bool { return d.Owner.UID == "" })))
		}
		return counts
	}
	w.Eventually(ready, patience, poll).Should(Equal(8))
	w.Expect(booked()).To(Equal([]int{2, 3, 3}))
	w.Consistently(ready, time.Second, poll).Should(Equal(8))

	// room on one host lets the next machine in, without anybody polling
	var gone []string
	for _, lm := range w.machines() {
		if lm.Spec.Host == hosts[1].Name() {
			gone = append(gone, lm.Name)
			w.Remove(&lm)
		}
	}
	w.Expect(gone).To(HaveLen(3))
	for _, name := range gone {
		w.Eventually(func() bool { return w.Exists(name) }, patience, poll).Should(BeFalse())
	}
	w.Eventually(booked, patience, poll).Should(Equal([]int{2, 3, 3}))
	w.Eventually(ready, patience, poll).Should(Equal(8))
}

// addUnaccounted gives host "a" somebody else's virtual machine, and tells of it as the LibvirtHost controller does: what the
// host has seen stays as it is while machines are placed.
func (w *world) addUnaccounted(memory int64) {
	w.T.Helper()
	w.hosts["a"].PutDomain(virt.Domain{UUID: "6f0b4c8e-0000-4000-8000-00000000000f", Name: "unaccounted", State: virt.DomainRunning, VCPUs: 1, MemoryBytes: memory})
	told := infrav1.HostResources{CPUs: new(int32(1)), Memory: resource.NewQuantity(memory, resource.BinarySI)}
	fixture.Change(w, "a", func(h *infrav1.LibvirtHost) { h.Status.Allocated, h.Status.Unaccounted = told, told })
}

func TestManager_eventOfHostWakesItsMachine(t *testing.T) {
	const patience, poll = time.Minute, 50 * time.Millisecond
	w := newWorld(t)
	host := w.addHost("a")
	w.run(t)
	w.addMachine("m")
	isReady := func() bool {
		w.answerClaims()
		return w.isReady("m")
	}
	w.Eventually(isReady, patience, poll).Should(BeTrue())
	host.SetState(string(w.Get("m").UID), virt.DomainShutOff)
	w.Eventually(func() virt.DomainState { return host.Domains()[0].State }, patience, poll).Should(Equal(virt.DomainRunning))
	w.join("m")
	w.Eventually(func() bool { return w.isScrubbed("m") }, patience, poll).Should(BeTrue())
}

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
