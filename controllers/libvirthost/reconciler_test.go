// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirthost_test

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/index"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
	"github.com/altcos/cluster-api-provider-altcos/test/fixture"
)

const gib = int64(1) << 30

func TestReconcile_tellsWhatTheHostHas(t *testing.T) {
	w := newWorld(t)
	w.fake.PutDomain(virt.Domain{UUID: "6f0b4c8e-0000-4000-8000-000000000001", Name: "foreign", VCPUs: 3, MemoryBytes: 2 * gib})
	result := w.converge()
	host := w.Get("a")
	w.Expect(conditions.IsTrue(host, infrav1.ReadyCondition)).To(BeTrue(), "%v", host.Status.Conditions)
	w.Expect(conditions.IsTrue(host, infrav1.LibvirtHostLoadBalancerReadyCondition)).To(BeTrue())
	w.Expect(host.Finalizers).To(ConsistOf(infrav1.HostFinalizer))
	w.Expect(host.Status.FailureDomain).To(Equal(w.Global("a")))
	w.Expect(host.Status.BridgeAddresses).To(Equal([]string{"10.150.0.3/24"}))
	w.Expect(host.Status.Versions.Libvirt).To(Equal("9.0.0"))
	w.Expect(host.Status.Accelerator).To(Equal(infrav1.AcceleratorKVM))
	w.Expect(host.Status.Capacity.CPUs).To(Equal(new(int32(8))))
	w.Expect(host.Status.Allocatable.CPUs).To(Equal(new(int32(32))), "four virtual CPUs on each")
	w.Expect(host.Status.Allocatable.Memory.Value()).To(Equal(31*gib), "one GiB is the host's own")
	w.Expect(host.Status.Allocatable.Storage.Value()).To(Equal(100 * gib))
	w.Expect(host.Status.Allocated.CPUs).To(Equal(new(int32(3))), "machines of others count")
	w.Expect(host.Status.Allocated.Memory.Value()).To(Equal(2 * gib))
	w.Expect(result.RequeueAfter).To(Equal(5 * time.Minute))
	w.Expect(w.Told()).To(ConsistOf(ContainSubstring("machines can run on the host")))
}

func TestReconcile_tellsWhatIsWrongAndRecovers(t *testing.T) {
	cases := map[string]struct {
		spoil, mend       func(*world)
		condition, reason string
	}{
		"the host does not answer": {
			func(w *world) { w.fake.SetUnreachable(true) }, func(w *world) { w.fake.SetUnreachable(false) },
			infrav1.LibvirtHostReachableCondition, infrav1.LibvirtHostUnreachableReason,
		},
		"the host refuses the credentials": {
			func(w *world) { w.fake.Inject(fakevirt.MethodConnect, fakevirt.Fault{Err: virt.ErrAuthentication}) }, func(w *world) { w.fake.ClearFaults() },
			infrav1.LibvirtHostReachableCondition, infrav1.LibvirtHostCredentialsInvalidReason,
		},
		"the Secret with credentials is not there": {
			func(w *world) { w.Remove(w.credentials()) }, func(w *world) { w.Create(w.credentials()) },
			infrav1.LibvirtHostReachableCondition, infrav1.LibvirtHostCredentialsInvalidReason,
		},
		"the pool is missing": {
			func(w *world) { w.fake.Apply(fakevirt.WithoutPools()) }, func(w *world) { w.fake.Apply(fakevirt.WithPool("default", 100*gib)) },
			infrav1.LibvirtHostStorageReadyCondition, infrav1.LibvirtHostPoolMissingReason,
		},
		"the bridge is missing": {
			func(w *world) { w.shell.set(func(s *shell) { s.bridge = false }) }, func(w *world) { w.shell.set(func(s *shell) { s.bridge = true }) },
			infrav1.LibvirtHostNetworkReadyCondition, infrav1.LibvirtHostBridgeMissingReason,
		},
		"bridged traffic is filtered": {
			func(w *world) { w.shell.set(func(s *shell) { s.filtered = true }) }, func(w *world) { w.shell.set(func(s *shell) { s.filtered = false }) },
			infrav1.LibvirtHostNetworkReadyCondition, infrav1.LibvirtHostBridgeFilteredReason,
		},
		"a host without haproxy still takes machines": {
			func(w *world) { w.shell.set(func(s *shell) { s.missing = []string{"haproxy"} }) }, func(w *world) { w.shell.set(func(s *shell) { s.missing = nil }) },
			infrav1.LibvirtHostLoadBalancerReadyCondition, infrav1.LibvirtHostPackagesMissingReason,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.spoil(w)
			w.Expect(w.converge().RequeueAfter).To(Equal(30 * time.Second))
			if c.condition != infrav1.LibvirtHostLoadBalancerReadyCondition {
				w.ExpectFalse("a", c.condition, c.reason)
			} else {
				w.ExpectTrue("a", infrav1.ReadyCondition)
				got := w.Condition("a", c.condition)
				w.Expect(got.Status).To(Equal(metav1.ConditionFalse))
				w.Expect(got.Reason).To(Equal(c.reason))
			}
			w.Expect(w.shell.scripts()).To(BeEmpty(), "nothing is changed on a host that is only to be checked")
			c.mend(w)
			w.ExpectReady("a")
			w.ExpectTrue("a", c.condition)
			w.Expect(strings.Join(w.Told(), "\n")).NotTo(ContainSubstring(secretKey))
		})
	}
}

func TestReconcile_changesWhatItMayManage(t *testing.T) {
	w := newWorld(t, func(h *infrav1.LibvirtHost) {
		h.Spec.KernelParameters, h.Spec.Packages = infrav1.HostSetupManage, infrav1.HostSetupManage
	})
	w.shell.set(func(s *shell) { s.filtered, s.missing = true, []string{"haproxy", "keepalived"} })
	w.converge()
	w.Eventually(w.shell.scripts).Should(ConsistOf("set kernel parameters", "install packages"))
	w.converge()
	w.ExpectTrue("a", infrav1.ReadyCondition)
	w.ExpectTrue("a", infrav1.LibvirtHostLoadBalancerReadyCondition)

	w.Delete("a")
	w.converge()
	w.Expect(w.Exists("a")).To(BeFalse())
	w.Expect(w.shell.scripts()).To(ContainElement("forget kernel parameters"))
}

func TestReconcile_leavesPausedHostAlone(t *testing.T) {
	w := newWorld(t, builder.Paused)
	w.converge()
	w.ExpectTrue("a", infrav1.PausedCondition)
	w.Expect(w.fake.Calls(fakevirt.MethodAny)).To(BeZero())
	w.Change("a", func(h *infrav1.LibvirtHost) { h.Annotations = nil })
	w.converge()
	w.ExpectTrue("a", infrav1.ReadyCondition)
}

func TestReconcile_collectsImagesThatNobodyWants(t *testing.T) {
	w := newWorld(t)
	wanted, other := strings.Repeat("a", 64), strings.Repeat("b", 64)
	w.addMachine("m", wanted)
	w.images.unused = []string{other}
	w.converge()
	asked := w.images.last()
	w.Expect(asked.Host).To(Equal(w.Global("a")))
	w.Expect(asked.UnusedFor).To(Equal(retention))
	w.Expect(asked.Wanted(wanted)).To(BeTrue())
	w.Expect(asked.Wanted(other)).To(BeFalse())
	w.Expect(w.Told()).To(ContainElement(And(ContainSubstring("ImagesRemoved"), ContainSubstring(other))))
}

func TestDelete_waitsForMachinesAndEndpoints(t *testing.T) {
	w := newWorld(t)
	w.converge()
	machine := w.addMachine("m", strings.Repeat("a", 64))
	w.addCluster()
	w.carry(infrav1.LoadBalancerHostStatus{State: infrav1.LoadBalancerHostServing})
	w.Delete("a")

	refused := func(why string) {
		t.Helper()
		w.converge()
		ready := conditions.Get(w.Get("a"), infrav1.ReadyCondition)
		w.Expect(ready.Reason).To(Equal(infrav1.LibvirtHostInUseReason))
		w.Expect(ready.Message).To(ContainSubstring(why))
		w.Expect(w.cloud.Forgotten(w.Global("a"))).To(BeZero())
	}
	refused(w.Namespace + "/m")
	w.Remove(machine)
	refused("LibvirtCluster " + w.Namespace + "/demo to remove its load balancer")
	w.carry(infrav1.LoadBalancerHostStatus{State: infrav1.LoadBalancerHostUnreachable}) // but it is back, and would fight for the address
	refused("LibvirtCluster " + w.Namespace + "/demo to remove its load balancer")
	w.Expect(w.shell.released).To(BeEmpty())
	fixture.Change(w, "demo", builder.Annotated[*infrav1.LibvirtCluster](inventory.LoadBalancerIdentityAnnotation, "owner-of-demo"))
	w.carry()
	w.converge()
	w.Expect(w.Exists("a")).To(BeFalse())
	w.Expect(w.shell.released).To(ConsistOf("owner-of-demo"), "what a cluster has forgotten")
	w.Expect(w.images.last().UnusedFor).To(BeZero(), "a host that leaves keeps no image")
	w.Expect(w.cloud.Forgotten(w.Global("a"))).To(Equal(1))
}

func TestDelete_letsAnUnreachableHostGo(t *testing.T) {
	w := newWorld(t)
	w.converge()
	w.Told()
	w.addCluster() // it must not keep the host for ever
	w.carry(infrav1.LoadBalancerHostStatus{State: infrav1.LoadBalancerHostUnreachable})
	w.fake.SetUnreachable(true)
	w.shell.set(func(s *shell) { s.err = virt.ErrUnreachable })
	w.Delete("a")
	w.converge()
	w.Expect(w.Exists("a")).To(BeFalse())
	w.Expect(w.Told()).To(ContainElement(ContainSubstring("HostLeftAsItIs")))
}

func TestManager_isWokenAfterItsOwnFirstWritesAndByCredentials(t *testing.T) {
	const patience, poll = 25 * time.Second, 50 * time.Millisecond // below the retry of hosts that are not as they shall be
	w := newWorld(t)
	w.run()
	isReady := func() bool { return conditions.IsTrue(w.Get("a"), infrav1.ReadyCondition) }
	w.Eventually(isReady, patience, poll).Should(BeTrue())

	w.Remove(w.credentials())
	w.Eventually(isReady, patience, poll).Should(BeFalse())
	w.Create(w.credentials())
	w.Eventually(isReady, patience, poll).Should(BeTrue())

	machine := w.addMachine("m", strings.Repeat("a", 64))
	w.Eventually(func() int {
		list := &infrav1.LibvirtMachineList{}
		w.Expect(w.Reconciler.Client.List(w.Ctx, list, client.MatchingFields{index.MachineByHost: w.Global("a")})).To(Succeed())
		return len(list.Items)
	}, patience, poll).Should(Equal(1))
	w.Delete("a")
	w.Eventually(func() string { return conditions.GetReason(w.Get("a"), infrav1.ReadyCondition) }, patience, poll).
		Should(Equal(infrav1.LibvirtHostInUseReason))
	w.Remove(machine)
	w.Eventually(func() bool { return w.Exists("a") }, patience, poll).Should(BeFalse())
}
