// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer/rollout"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
	"github.com/altcos/cluster-api-provider-altcos/test/fixture"
)

func TestReconcile_hostsServeTheEndpointAndBackendsFollowMachines(t *testing.T) {
	w := newWorld(t).withHosts("a", "b")
	w.addHost("c", "5", func(h *infrav1.LibvirtHost) { h.Spec.LoadBalancer = infrav1.HostLoadBalancerDisabled })
	lc := w.ExpectReady("demo")
	w.Expect(ptr.Deref(lc.Status.Initialization.Provisioned, false)).To(BeTrue())
	w.Expect(lc.Spec.ControlPlaneEndpoint).To(Equal(clusterv1.APIEndpoint{Host: "10.150.0.160", Port: 8443}))
	w.Expect(lc.Status.FailureDomains).To(HaveLen(3))
	w.Expect(lc.Status.LoadBalancer.Holder).To(Equal(w.Global("a")))
	w.Expect(w.balancer.hosts).To(HaveLen(2))
	w.Expect(w.balancer.hosts[0].Priority).NotTo(Equal(w.balancer.hosts[1].Priority))
	w.Expect(w.balancer.wanted.VIP.String()).To(Equal("10.150.0.160/32"))
	w.Expect(w.balancer.wanted.Owner).To(Equal(string(lc.UID)))
	vrid := w.balancer.wanted.VRID
	w.Expect(vrid).NotTo(BeZero())
	w.Expect(lc.Status.LoadBalancer.VirtualRouterID).To(Equal(int32(vrid)))

	machine := w.addMachine("cp", "10.150.0.161", builder.ControlPlane)
	w.addMachine("worker", "10.150.0.162")
	w.Converged("demo")
	w.Expect(w.Get("demo").Status.LoadBalancer.Backends).To(Equal([]infrav1.LoadBalancerBackendStatus{
		{Name: "cp", Address: "10.150.0.161:6443", Health: infrav1.BackendUp},
	}))
	w.Expect(w.balancer.wanted.VRID).To(Equal(vrid))
	w.Remove(machine)
	w.Converged("demo")
	w.Expect(w.Get("demo").Status.LoadBalancer.Backends).To(BeEmpty(), "a machine leaves before it is gone")
}

func TestReconcile_tellsWhatIsWrong(t *testing.T) {
	cases := map[string]struct {
		before            func(*world)
		condition, reason string
		message           string
		states            map[string]infrav1.LoadBalancerHostState
	}{
		"there is no host": {func(*world) {}, infrav1.LibvirtClusterHostsReadyCondition, infrav1.LibvirtClusterNoHostsReason, "create one", nil},
		"no host is ready": {
			func(w *world) { w.addHost("a", "3", builder.HostReady(metav1.ConditionFalse)) },
			infrav1.LibvirtClusterHostsReadyCondition, infrav1.LibvirtClusterHostsNotReadyReason, "1 selected", nil,
		},
		"no host can carry it": {
			func(w *world) {
				w.addHost("a", "3", func(h *infrav1.LibvirtHost) { h.Spec.LoadBalancer = infrav1.HostLoadBalancerDisabled })
			},
			infrav1.LibvirtClusterLoadBalancerReadyCondition, infrav1.LibvirtClusterHostsNotReadyReason, "LoadBalancerReady", nil,
		},
		"another machine has the address": {
			func(w *world) {
				w.addHost("a", "3")
				answer := strings.Repeat("52:54:00:00:00:01 answers, ", 100)
				w.balancer.err = fmt.Errorf("%s: %w", answer, rollout.ErrAddressInUse)
			},
			infrav1.LibvirtClusterLoadBalancerReadyCondition, infrav1.LibvirtClusterEndpointInUseReason, "10.150.0.160 is in use by another machine",
			map[string]infrav1.LoadBalancerHostState{"a": infrav1.LoadBalancerHostPending},
		},
		"the host rejects the configuration": {
			func(w *world) {
				w.addHost("a", "3")
				w.addHost("b", "4")
				w.balancer.broken[w.Global("a")] = rollout.ErrRejected
			},
			infrav1.LibvirtClusterLoadBalancerReadyCondition, infrav1.LibvirtClusterLoadBalancerRejectedReason, "rejected",
			map[string]infrav1.LoadBalancerHostState{"a": infrav1.LoadBalancerHostFailed, "b": infrav1.LoadBalancerHostPending},
		},
		"one of two hosts does not answer": {
			func(w *world) { w.withHosts("a", "b").balancer.down[w.Global("b")] = true },
			infrav1.LibvirtClusterLoadBalancerReadyCondition, infrav1.LibvirtClusterLoadBalancerDegradedReason, "served by host",
			map[string]infrav1.LoadBalancerHostState{"a": infrav1.LoadBalancerHostServing, "b": infrav1.LoadBalancerHostUnreachable},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.before(w)
			lc := w.Converged("demo")
			w.ExpectFalse("demo", c.condition, c.reason, c.message)
			kind := corev1.EventTypeWarning
			if c.reason == infrav1.LibvirtClusterHostsNotReadyReason { // they tell themselves, and may be about to become so
				kind = corev1.EventTypeNormal
			}
			event := w.announced(c.reason)
			w.Expect(event).To(And(HavePrefix(kind), ContainSubstring(c.message)))
			w.Expect(len(strings.TrimPrefix(event, kind+" "+c.reason+" "))).To(BeNumerically("<=", 1024), "or the API server refuses it")
			served := c.reason == infrav1.LibvirtClusterLoadBalancerDegradedReason
			w.Expect(ptr.Deref(lc.Status.Initialization.Provisioned, false)).To(Equal(served))
			states := map[string]infrav1.LoadBalancerHostState{}
			for _, host := range lc.Status.LoadBalancer.Hosts {
				states[strings.TrimPrefix(host.Name, w.Global(""))] = host.State
			}
			w.Expect(states).To(HaveLen(len(c.states)))
			for host, state := range c.states {
				w.Expect(states).To(HaveKeyWithValue(host, state))
			}
		})
	}
}

func TestReconcile_leavesAloneWhatIsNotItsOwn(t *testing.T) {
	for _, annotation := range []string{clusterv1.PausedAnnotation, clusterv1.ManagedByAnnotation} {
		t.Run(annotation, func(t *testing.T) {
			w := newWorld(t, builder.Annotated[*infrav1.LibvirtCluster](annotation, ""))
			w.addHost("a", "3")
			w.Converged("demo")
			w.Expect(w.balancer.ensured).To(BeZero())
			w.Expect(conditions.Get(w.Get("demo"), infrav1.ReadyCondition)).To(BeNil())
		})
	}
}

func TestReconcile_identitySurvivesAMove(t *testing.T) {
	w := newWorld(t).withHosts("a")
	w.Converged("demo")
	before, annotations := w.balancer.wanted, w.Get("demo").Annotations
	w.addCluster("moved", func(lc *infrav1.LibvirtCluster) { lc.Annotations = annotations })
	w.Converged("moved")
	after := w.balancer.wanted
	w.Expect([]any{after.ID, after.Owner, after.VRID}).To(Equal([]any{before.ID, before.Owner, before.VRID}))
	w.Expect(string(w.Get("moved").UID)).NotTo(Equal(after.Owner))

	w.addCluster("other")
	w.Converged("other")
	w.Expect(w.balancer.wanted.VRID).NotTo(Equal(before.VRID))
	w.Expect(w.balancer.wanted.ID).NotTo(Equal(before.ID))
}

func TestDelete_waitsForMachinesThenTakesTheEndpointOffEveryHost(t *testing.T) {
	w := newWorld(t).withHosts("a", "b")
	machine := w.addMachine("worker", "10.150.0.162")
	lc := w.Converged("demo")
	w.Remove(lc)
	w.Converged("demo")
	w.Expect(w.Condition("demo", infrav1.ReadyCondition).Message).To(ContainSubstring("waiting for 1 LibvirtMachines"))
	w.Expect(w.balancer.released).To(BeEmpty())

	w.Remove(machine)
	w.end("worker")
	w.balancer.set(func(b *balancer) { b.down[w.Global("b")] = true })
	waiting := w.Converged("demo")
	w.Expect(conditions.GetMessage(waiting, infrav1.ReadyCondition)).To(ContainSubstring("cannot be removed from host " + w.Global("b")))
	w.Expect(w.balancer.released).To(ContainElement(w.Global("a")))
	w.Expect(w.balancer.released).NotTo(ContainElement(w.Global("b")))
	for _, host := range waiting.Status.LoadBalancer.Hosts { // or the LibvirtHost could not be deleted either
		unreachable := host.Name == w.Global("b")
		w.Expect(host.State == infrav1.LoadBalancerHostUnreachable).To(Equal(unreachable), host.Name)
	}

	w.Remove(fixture.Get[*infrav1.LibvirtHost](w, "b"))
	w.ExpectGone("demo")
	w.Expect(w.balancer.owners).To(HaveEach(string(lc.UID)))
}

func TestManager_isWokenByItsOwnWritesHostsAndMachines(t *testing.T) {
	const patience, poll = 50 * time.Second, 50 * time.Millisecond // below the interval of looking by itself
	w := newWorld(t)
	w.addHost("a", "3", func(h *infrav1.LibvirtHost) { h.Status.Conditions = nil })
	w.run()
	reason := func() string { return conditions.GetReason(w.Get("demo"), infrav1.ReadyCondition) }
	w.Eventually(reason, patience, poll).Should(Equal(infrav1.LibvirtClusterHostsNotReadyReason))

	fixture.Change(w, "a", carriesEndpoints)
	w.Eventually(reason, patience, poll).Should(Equal(infrav1.LibvirtClusterReadyReason))

	w.addMachine("cp", "10.150.0.161", builder.ControlPlane)
	w.Eventually(func() int { return len(w.Get("demo").Status.LoadBalancer.Backends) }, patience, poll).Should(Equal(1))
	w.Delete("demo")
	w.end("cp")
	lm := &infrav1.LibvirtMachine{ObjectMeta: w.Meta("cp")}
	w.Expect(client.IgnoreNotFound(environment.Client.Delete(w.Ctx, lm))).To(Succeed())
	w.Eventually(func() bool { return w.Exists("demo") }, patience, poll).Should(BeFalse())
}

func TestHostSelector_thatCannotBeReadIsToldAndDoesNotKeepTheCluster(t *testing.T) {
	w := newWorld(t).withHosts("a")
	w.Converged("demo")
	fixture.Change(w, "demo", func(lc *infrav1.LibvirtCluster) {
		lc.Spec.HostSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "rack", Operator: "Near"}}}
	})
	_, err := w.Reconcile("demo")
	w.Expect(err).To(MatchError(ContainSubstring("spec.hostSelector")))
	w.Expect(w.Condition("demo", infrav1.LibvirtClusterHostsReadyCondition).Message).To(ContainSubstring("spec.hostSelector"))

	w.Delete("demo")
	w.ExpectGone("demo")
	w.Expect(w.balancer.released).To(ContainElement(w.Global("a")))
}
