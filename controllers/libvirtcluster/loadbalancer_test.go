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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
)

var errFull = fmt.Errorf("stage: %w", loadbalancer.ErrRolledBack)

func names(backends []infrav1.LoadBalancerBackendStatus) []string {
	var all []string
	for _, backend := range backends {
		all = append(all, backend.Name)
	}
	return all
}

// A virtual machine goes when the status does not list it any more: that must not be before haproxy knows.
func TestStatus_listsALeavingMachineUntilHostsSendNothingToIt(t *testing.T) {
	w := newWorld(t)
	for i, name := range []string{"a", "b", "c"} {
		w.addHost(name, fmt.Sprint(3+i))
	}
	machine := w.addMachine("cp", "10.150.0.161", true)
	w.addMachine("cp2", "10.150.0.162", true)
	w.Expect(w.settle("demo")).To(Succeed())
	w.Expect(environment.Client.Delete(w.ctx, machine)).To(Succeed())

	listed := func(why string, change func(*balancer), want ...string) {
		t.Helper()
		w.balancer.set(change)
		w.Expect(w.settle("demo")).To(Succeed())
		w.Expect(names(w.get("demo").Status.LoadBalancer.Backends)).To(ConsistOf(want), why)
		w.Expect(w.balancer.wanted.Backends).To(HaveLen(1))
	}
	listed("the holder does not take it", func(b *balancer) { b.broken[w.hostName("a")] = errFull }, "cp", "cp2")
	w.Expect(conditions.GetReason(w.get("demo"), infrav1.ReadyCondition)).To(Equal(infrav1.LibvirtClusterLoadBalancerFailedReason))
	listed("another host could become the holder", func(b *balancer) { b.broken = map[string]error{w.hostName("b"): errFull} }, "cp", "cp2")
	w.Expect(conditions.GetReason(w.get("demo"), infrav1.ReadyCondition)).To(Equal(infrav1.LibvirtClusterLoadBalancerDegradedReason))
	listed("nothing was even tried", func(b *balancer) { b.broken, b.err = nil, loadbalancer.ErrInvalid }, "cp", "cp2")
	w.Expect(w.get("demo").Status.LoadBalancer.Hosts).To(HaveLen(3), "what they carry is not forgotten")
	listed("a host that is off", func(b *balancer) { b.err, b.down[w.hostName("c")] = nil, true }, "cp2")
	w.end("cp")
	w.end("cp2")
}

func TestReconcile_triesAgainEverMoreSeldom(t *testing.T) {
	w := newWorld(t)
	w.addHost("a", "3")
	w.addHost("b", "4")
	w.Expect(w.settle("demo")).To(Succeed())
	w.balancer.set(func(b *balancer) { b.broken[w.hostName("b")] = errFull })
	after := func() time.Duration {
		result, err := w.reconciler.Reconcile(w.ctx, ctrl.Request{NamespacedName: client.ObjectKey{Namespace: w.namespace, Name: "demo"}})
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
	w.balancer.set(func(b *balancer) { b.broken = map[string]error{w.hostName("b"): errFull} })
	w.Expect(after()).To(Equal(5 * time.Second))
}

// What a host says differs each time, and so does the status: writing it must not be a reason to try again.
func TestManager_isNotWokenByItsOwnStatus(t *testing.T) {
	w := newWorld(t)
	w.addHost("a", "3")
	w.balancer.failing = func(n int) error {
		return fmt.Errorf("read tcp 10.0.0.1:%d->10.0.0.2:22, attempt %d: %w", 40000+n, n, loadbalancer.ErrRolledBack)
	}
	environment.RunManager(t, environment.ManagerOptions(), func(ctx context.Context, mgr ctrl.Manager) error {
		w.reconciler.Client = mgr.GetClient()
		return w.reconciler.SetupWithManager(ctx, mgr, controller.Options{})
	})
	message := func() string { return conditions.GetMessage(w.get("demo"), infrav1.ReadyCondition) }
	w.Eventually(message, 30*time.Second, 50*time.Millisecond).Should(ContainSubstring("attempt"))
	w.Expect(message()).NotTo(ContainSubstring("10.0.0.1"), "our own port differs each time")
	before := w.balancer.count()
	time.Sleep(3 * time.Second)
	w.Expect(w.balancer.count() - before).To(BeNumerically("<=", 1))
}

// Cluster API sets the owner, which changes neither generation nor, in a topology, labels.
func TestManager_isWokenByItsOwner(t *testing.T) {
	w := newWorld(t)
	w.addHost("a", "3")
	lc := w.get("demo")
	owners := lc.OwnerReferences
	lc.OwnerReferences = nil
	w.Expect(environment.Client.Update(w.ctx, lc)).To(Succeed())
	environment.RunManager(t, environment.ManagerOptions(), func(ctx context.Context, mgr ctrl.Manager) error {
		w.reconciler.Client = mgr.GetClient()
		return w.reconciler.SetupWithManager(ctx, mgr, controller.Options{})
	})
	w.Consistently(func() int { return len(w.get("demo").Finalizers) }, 2*time.Second).Should(BeZero())
	lc.OwnerReferences = owners
	w.Expect(environment.Client.Update(w.ctx, lc)).To(Succeed())
	w.Eventually(func() bool { return conditions.IsTrue(w.get("demo"), infrav1.ReadyCondition) }, 50*time.Second, 50*time.Millisecond).Should(BeTrue())
}

func TestReconcile_takesNoEndpointForAHostsOwnAddress(t *testing.T) {
	w := newWorld(t)
	w.addCluster("other", func(lc *infrav1.LibvirtCluster) { lc.Spec.ControlPlaneEndpoint.Host = "10.150.0.170" })
	w.addHost("a", "3", func(h *infrav1.LibvirtHost) {
		h.Status.BridgeAddresses = []string{"10.150.0.160/24", "10.150.0.170/24", "10.150.0.180/32", "10.150.0.3/24"}
	})
	w.Expect(w.settle("demo")).To(Succeed())
	w.Expect(w.balancer.hosts[0].Address.String()).To(Equal("10.150.0.3"))
}

func TestReconcile_leavesOutHostsWithoutAnAddressForTheEndpoint(t *testing.T) {
	onlyIPv6 := func(h *infrav1.LibvirtHost) { h.Status.BridgeAddresses = []string{"fd00::4/64"} }
	w := newWorld(t)
	w.addHost("b", "4", onlyIPv6)
	w.Expect(w.settle("demo")).To(Succeed())
	w.Expect(conditions.GetMessage(w.get("demo"), infrav1.ReadyCondition)).To(ContainSubstring("no IPv4 address"))
	w.Expect(w.balancer.ensured).To(BeZero())

	w.addHost("a", "3")
	w.Expect(w.settle("demo")).To(Succeed())
	lc := w.get("demo")
	w.Expect(w.balancer.hosts).To(HaveLen(1))
	w.Expect(lc.Status.LoadBalancer.Holder).To(Equal(w.hostName("a")))
	w.Expect(lc.Status.Initialization.Provisioned).To(HaveValue(BeTrue()))
	w.Expect(conditions.GetReason(lc, infrav1.ReadyCondition)).To(Equal(infrav1.LibvirtClusterLoadBalancerDegradedReason))
	w.Expect(conditions.GetMessage(lc, infrav1.ReadyCondition)).To(ContainSubstring("host " + w.hostName("b")))
}

// secretsClient is a cache that shows no Secrets of clusters, or fails to.
type secretsClient struct {
	client.Client
	err error
}

func (c secretsClient) Get(ctx context.Context, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
	if _, ok := o.(*corev1.Secret); ok && key.Name == "demo-ca" {
		return c.err
	}
	return c.Client.Get(ctx, key, o, options...)
}

func TestReconcile_checksCertificatesWheneverThereIsACA(t *testing.T) {
	w := newWorld(t)
	w.addHost("a", "3")
	w.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "demo-ca"}, Data: map[string][]byte{"tls.crt": []byte("PEM")}})
	hidden := secretsClient{environment.Client, apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, "demo-ca")}
	w.reconciler.Client, w.reconciler.APIReader = hidden, environment.Client
	w.Expect(w.settle("demo")).To(Succeed())
	w.Expect(string(w.balancer.wanted.CA)).To(Equal("PEM"))

	before := w.balancer.ensured
	w.reconciler.Client = secretsClient{environment.Client, errors.New("etcd is slow")}
	w.Expect(w.settle("demo")).To(MatchError(ContainSubstring("etcd is slow")))
	w.Expect(w.balancer.ensured).To(Equal(before), "no laxer check because a read fails")
}

func TestDelete_doesNotWaitForAHostThatNeverCarriedTheEndpoint(t *testing.T) {
	w := newWorld(t)
	w.addHost("a", "3")
	w.addHost("off", "4", func(h *infrav1.LibvirtHost) {
		conditions.Delete(h, infrav1.LibvirtHostLoadBalancerReadyCondition)
	})
	w.balancer.set(func(b *balancer) { b.down[w.hostName("off")] = true })
	w.Expect(w.settle("demo")).To(Succeed())
	w.Expect(environment.Client.Delete(w.ctx, w.get("demo"))).To(Succeed())
	w.Expect(w.settle("demo")).To(Succeed())
	w.Expect(w.exists("demo")).To(BeFalse())
	w.Expect(w.balancer.released).To(ConsistOf(w.hostName("a")))
}

func TestMode_isKeptForLifeAndTemplatesMayChange(t *testing.T) {
	w := newWorld(t)
	lc := w.get("demo")
	lc.Spec.LoadBalancer.Mode = infrav1.LoadBalancerExternal
	w.Expect(environment.Client.Update(w.ctx, lc)).To(MatchError(ContainSubstring("mode cannot be changed")))
	lc.Spec.LoadBalancer.Mode = infrav1.LoadBalancerManaged
	w.Expect(environment.Client.Update(w.ctx, lc)).To(Succeed(), "it was Managed by default")
	lc.Spec.LoadBalancer.Mode = ""
	w.Expect(environment.Client.Update(w.ctx, lc)).To(Succeed())

	template := &infrav1.LibvirtClusterTemplate{ObjectMeta: w.meta("template")}
	template.Spec.Template.Spec = lc.Spec
	template.Spec.Template.Spec.LoadBalancer.Mode = infrav1.LoadBalancerManaged
	w.create(template)
	template.Spec.Template.Spec.LoadBalancer.Mode = infrav1.LoadBalancerExternal
	w.Expect(environment.Client.Update(w.ctx, template, client.DryRunAll)).To(Succeed(), "a dry run of a topology does this")
}

func TestExternal_releasesWhatWasOnceOurs(t *testing.T) {
	was := func(lc *infrav1.LibvirtCluster) {
		lc.Spec.LoadBalancer.Mode = infrav1.LoadBalancerExternal
		lc.Annotations = map[string]string{"infrastructure.cluster.x-k8s.io/load-balancer-identity": "once"}
	}
	w := newWorld(t, was)
	w.addHost("a", "3")
	w.balancer.set(func(b *balancer) { b.down[w.hostName("a")] = true })
	w.Expect(w.settle("demo")).To(Succeed())
	w.Expect(conditions.IsFalse(w.get("demo"), infrav1.LibvirtClusterLoadBalancerReadyCondition)).To(BeTrue())
	w.balancer.set(func(b *balancer) { b.down = nil })
	w.Expect(w.settle("demo")).To(Succeed())
	w.Expect(w.balancer.owners).To(ConsistOf("once"), "once and not with every look")
	w.Expect(conditions.IsTrue(w.get("demo"), infrav1.ReadyCondition)).To(BeTrue())
	w.Expect(conditions.Get(w.get("demo"), infrav1.LibvirtClusterLoadBalancerReadyCondition)).To(BeNil())

	w.addCluster("deleted", was)
	gone := w.get("deleted")
	gone.Finalizers = []string{infrav1.ClusterFinalizer}
	w.Expect(environment.Client.Update(w.ctx, gone)).To(Succeed())
	w.Expect(environment.Client.Delete(w.ctx, gone)).To(Succeed())
	w.Expect(w.settle("deleted")).To(Succeed())
	w.Expect(w.exists("deleted")).To(BeFalse())
	w.Expect(w.balancer.owners).To(HaveLen(2))
}
