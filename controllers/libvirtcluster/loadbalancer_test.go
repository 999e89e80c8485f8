// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer/rollout"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
)

var errFull = fmt.Errorf("stage: %w", rollout.ErrRolledBack)

func names(backends []infrav1.LoadBalancerBackendStatus) []string {
	var all []string
	for _, backend := range backends {
		all = append(all, backend.Name)
	}
	return all
}

// A virtual machine goes when the status does not list it any more: that must not be before haproxy knows.
func TestStatus_listsALeavingMachineUntilHostsSendNothingToIt(t *testing.T) {
	w := newWorld(t).withHosts("a", "b", "c")
	machine := w.addMachine("cp", "10.150.0.161", builder.ControlPlane)
	w.addMachine("cp2", "10.150.0.162", builder.ControlPlane)
	w.Converged("demo")
	w.Remove(machine)

	listed := func(why string, change func(*balancer), want ...string) {
		t.Helper()
		w.balancer.set(change)
		w.Converged("demo")
		w.Expect(names(w.Get("demo").Status.LoadBalancer.Backends)).To(ConsistOf(want), why)
		w.Expect(w.balancer.wanted.Backends).To(HaveLen(1))
	}
	listed("the holder does not take it", func(b *balancer) { b.broken[w.Global("a")] = errFull }, "cp", "cp2")
	w.Expect(w.Condition("demo", infrav1.ReadyCondition).Reason).To(Equal(infrav1.LibvirtClusterLoadBalancerFailedReason))
	listed("another host could become the holder", func(b *balancer) { b.broken = map[string]error{w.Global("b"): errFull} }, "cp", "cp2")
	w.Expect(w.Condition("demo", infrav1.ReadyCondition).Reason).To(Equal(infrav1.LibvirtClusterLoadBalancerDegradedReason))
	listed("nothing was even tried", func(b *balancer) { b.broken, b.err = nil, loadbalancer.ErrInvalid }, "cp", "cp2")
	w.Expect(w.Get("demo").Status.LoadBalancer.Hosts).To(HaveLen(3), "what they carry is not forgotten")
	listed("a host that is off", func(b *balancer) { b.err, b.down[w.Global("c")] = nil, true }, "cp2")
}

func TestReconcile_triesAgainEverMoreSeldom(t *testing.T) {
	w := newWorld(t).withHosts("a", "b")
	w.Converged("demo")
	w.balancer.set(func(b *balancer) { b.broken[w.Global("b")] = errFull })
	after := func() time.Duration {
		result, err := w.Reconcile("demo")
		w.Expect(err).NotTo(HaveOccurred())
		return result.RequeueAfter
	}
	w.Expect([]time.Duration{after(), after(), after()}).To(Equal([]time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second}))
	for range 10 {
		after()
	}
	w.Expect(after()).To(Equal(10 * time.Minute))
	w.balancer.set(func(b *balancer) { b.broken = nil })
	w.Expect(after()).To(Equal(time.Minute))
	w.balancer.set(func(b *balancer) { b.broken = map[string]error{w.Global("b"): errFull} })
	w.Expect(after()).To(Equal(5 * time.Second))
}

// What a host says differs each time, and so does the status: writing it must not be a reason to try again.
func TestManager_isNotWokenByItsOwnStatus(t *testing.T) {
	w := newWorld(t).withHosts("a")
	w.balancer.failing = func(n int) error {
		return fmt.Errorf("read tcp 10.0.0.1:%d->10.0.0.2:22, attempt %d: %w", 40000+n, n, rollout.ErrRolledBack)
	}
	w.run()
	message := func() string { return conditions.GetMessage(w.Get("demo"), infrav1.ReadyCondition) }
	w.Eventually(message, 30*time.Second, 50*time.Millisecond).Should(ContainSubstring("attempt"))
	w.Expect(message()).NotTo(ContainSubstring("10.0.0.1"), "our own port differs each time")
	before := w.balancer.count()
	time.Sleep(3 * time.Second)
	w.Expect(w.balancer.count() - before).To(BeNumerically("<=", 1))
}

// Cluster API sets the owner, which changes neither generation nor, in a topology, labels.
func TestManager_isWokenByItsOwner(t *testing.T) {
	w := newWorld(t).withHosts("a")
	lc := w.Get("demo")
	owners := lc.OwnerReferences
	lc.OwnerReferences = nil
	w.Update(lc)
	w.run()
	w.Consistently(func() int { return len(w.Get("demo").Finalizers) }, 2*time.Second).Should(BeZero())
	lc.OwnerReferences = owners
	w.Update(lc)
	w.Eventually(func() bool { return conditions.IsTrue(w.Get("demo"), infrav1.ReadyCondition) }, 50*time.Second, 50*time.Millisecond).Should(BeTrue())
}

func TestReconcile_takesNoEndpointForAHostsOwnAddress(t *testing.T) {
	w := newWorld(t)
	w.addCluster("other", func(lc *infrav1.LibvirtCluster) { lc.Spec.ControlPlaneEndpoint.Host = "10.150.0.170" })
	w.addHost("a", "3", func(h *infrav1.LibvirtHost) {
		h.Status.BridgeAddresses = []string{"10.150.0.160/24", "10.150.0.170/24", "10.150.0.180/32", "10.150.0.3/24"}
	})
	w.Converged("demo")
	w.Expect(w.balancer.hosts[0].Address.String()).To(Equal("10.150.0.3"))
}

func TestReconcile_leavesOutHostsWithoutAnAddressForTheEndpoint(t *testing.T) {
	onlyIPv6 := func(h *infrav1.LibvirtHost) { h.Status.BridgeAddresses = []string{"fd00::4/64"} }
	w := newWorld(t)
	w.addHost("b", "4", onlyIPv6)
	w.Converged("demo")
	w.Expect(w.Condition("demo", infrav1.ReadyCondition).Message).To(ContainSubstring("no IPv4 address"))
	w.Expect(w.balancer.ensured).To(BeZero())

	w.addHost("a", "3")
	lc := w.Converged("demo")
	w.Expect(w.balancer.hosts).To(HaveLen(1))
	w.Expect(lc.Status.LoadBalancer.Holder).To(Equal(w.Global("a")))
	w.Expect(lc.Status.Initialization.Provisioned).To(HaveValue(BeTrue()))
	w.Expect(conditions.GetReason(lc, infrav1.ReadyCondition)).To(Equal(infrav1.LibvirtClusterLoadBalancerDegradedReason))
	w.Expect(conditions.GetMessage(lc, infrav1.ReadyCondition)).To(ContainSubstring("host " + w.Global("b")))
}

// hiding is a cache that shows no CA, or fails to.
func hiding(err error) client.Client {
	return interceptor.NewClient(environment.Client, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
			if key.Name == "demo-ca" {
				return err
			}
			return c.Get(ctx, key, o, options...)
		},
	})
}

func TestReconcile_checksCertificatesWheneverThereIsACA(t *testing.T) {
	w := newWorld(t).withHosts("a")
	w.Create(builder.Secret(w.Meta("demo-ca"), "tls.crt", "PEM"))
	w.Reconciler.Client, w.Reconciler.APIReader = hiding(apierrors.NewNotFound(corev1.Resource("secrets"), "demo-ca")), environment.Client
	w.Converged("demo")
	w.Expect(string(w.balancer.wanted.CA)).To(Equal("PEM"))

	before := w.balancer.ensured
	w.Reconciler.Client = hiding(errors.New("etcd is slow"))
	w.Expect(w.Converge("demo")).To(MatchError(ContainSubstring("etcd is slow")))
	w.Expect(w.balancer.ensured).To(Equal(before), "no laxer check because a read fails")
}

func TestDelete_doesNotWaitForAHostThatNeverCarriedTheEndpoint(t *testing.T) {
	w := newWorld(t).withHosts("a")
	w.addHost("off", "4", func(h *infrav1.LibvirtHost) {
		conditions.Delete(h, infrav1.LibvirtHostLoadBalancerReadyCondition)
	})
	w.balancer.set(func(b *balancer) { b.down[w.Global("off")] = true })
	w.Converged("demo")
	w.Delete("demo")
	w.ExpectGone("demo")
	w.Expect(w.balancer.released).To(ConsistOf(w.Global("a")))
}

func TestMode_isKeptForLifeAndTemplatesMayChange(t *testing.T) {
	w := newWorld(t)
	lc := w.Get("demo")
	lc.Spec.LoadBalancer.Mode = infrav1.LoadBalancerExternal
	w.Expect(environment.Client.Update(w.Ctx, lc)).To(MatchError(ContainSubstring("mode cannot be changed")))
	lc.Spec.LoadBalancer.Mode = infrav1.LoadBalancerManaged
	w.Expect(environment.Client.Update(w.Ctx, lc)).To(Succeed(), "it was Managed by default")
	lc.Spec.LoadBalancer.Mode = ""
	w.Update(lc)

	template := &infrav1.LibvirtClusterTemplate{ObjectMeta: w.Meta("template")}
	template.Spec.Template.Spec = lc.Spec
	template.Spec.Template.Spec.LoadBalancer.Mode = infrav1.LoadBalancerManaged
	w.Create(template)
	template.Spec.Template.Spec.LoadBalancer.Mode = infrav1.LoadBalancerExternal
	w.Expect(environment.Client.Update(w.Ctx, template, client.DryRunAll)).To(Succeed(), "a dry run of a topology does this")
}

func TestExternal_releasesWhatWasOnceOurs(t *testing.T) {
	was := func(lc *infrav1.LibvirtCluster) {
		lc.Spec.LoadBalancer.Mode = infrav1.LoadBalancerExternal
		lc.Annotations = map[string]string{"infrastructure.cluster.x-k8s.io/load-balancer-identity": "once"}
	}
	w := newWorld(t, was)
	w.addHost("a", "3")
	w.balancer.set(func(b *balancer) { b.down[w.Global("a")] = true })
	w.Converged("demo")
	w.Expect(conditions.IsFalse(w.Get("demo"), infrav1.LibvirtClusterLoadBalancerReadyCondition)).To(BeTrue())
	w.balancer.set(func(b *balancer) { b.down = nil })
	w.Converged("demo")
	w.Expect(w.balancer.owners).To(ConsistOf("once"), "once and not with every look")
	w.ExpectTrue("demo", infrav1.ReadyCondition)
	w.Expect(conditions.Get(w.Get("demo"), infrav1.LibvirtClusterLoadBalancerReadyCondition)).To(BeNil())

	w.addCluster("deleted", was)
	w.Change("deleted", func(lc *infrav1.LibvirtCluster) { lc.Finalizers = []string{infrav1.ClusterFinalizer} })
	w.Delete("deleted")
	w.ExpectGone("deleted")
	w.Expect(w.balancer.owners).To(HaveLen(2))
}
