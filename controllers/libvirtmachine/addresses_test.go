// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

func (w *world) setNetwork(change func(*infrav1.NodeNetwork)) {
	w.t.Helper()
	cluster := &infrav1.LibvirtCluster{}
	w.Expect(environment.Client.Get(w.ctx, w.key("demo"), cluster)).To(Succeed())
	change(&cluster.Spec.Network)
	w.Expect(environment.Client.Update(w.ctx, cluster)).To(Succeed())
}

func (w *world) claims() []ipamv1.IPAddressClaim {
	w.t.Helper()
	list := &ipamv1.IPAddressClaimList{}
	w.Expect(environment.Client.List(w.ctx, list, client.InNamespace(w.namespace))).To(Succeed())
	return list.Items
}

func TestAddresses_ofAMachineOutliveChangesAroundIt(t *testing.T) {
	pools := func(names ...string) func(*infrav1.NodeNetwork) {
		return func(n *infrav1.NodeNetwork) {
			n.AddressPoolRefs = nil
			for _, name := range names {
				n.AddressPoolRefs = append(n.AddressPoolRefs, infrav1.AddressPoolReference{Name: name})
			}
		}
	}
	for name, change := range map[string]func(*world){
		"the cluster got another pool":      func(w *world) { w.setNetwork(pools("others")) },
		"the cluster got a second pool":     func(w *world) { w.setNetwork(pools("nodes", "more")) },
		"the cluster has no pools any more": func(w *world) { w.setNetwork(pools()) },
		"somebody deleted the claim":        func(w *world) { w.Expect(environment.Client.Delete(w.ctx, &w.claims()[0])).To(Succeed()) },
		"the claim was deleted by all means": func(w *world) {
			claim := &w.claims()[0]
			claim.Finalizers = nil
			w.Expect(environment.Client.Update(w.ctx, claim)).To(Succeed())
			w.Expect(environment.Client.Delete(w.ctx, claim)).To(Succeed())
		},
		"the address was given back": func(w *world) {
			address := &ipamv1.IPAddress{ObjectMeta: w.meta(w.claims()[0].Name)}
			w.Expect(environment.Client.Delete(w.ctx, address)).To(Succeed())
		},
	} {
		t.Run(name, func(t *testing.T) {
			outlive(t, func(*infrav1.LibvirtMachine) {}, change)
			outlive(t, func(lm *infrav1.LibvirtMachine) { // its own pools
				lm.Spec.NetworkInterfaces = []infrav1.NetworkInterface{{AddressPoolRefs: []infrav1.AddressPoolReference{{Name: "nodes"}}}}
			}, change)
		})
	}
}

func outlive(t *testing.T, spec func(*infrav1.LibvirtMachine), change func(*world)) {
	t.Helper()
	w := newWorld(t)
	host := w.addHost("a")
	w.addMachine("m", spec)
	w.Expect(w.settle("m")).To(Succeed())
	before := w.get("m").Status.Addresses
	w.Expect(before).To(HaveLen(2))
	change(w)
	count := len(w.claims())
	w.Expect(w.settle("m")).To(Succeed())
	lm := w.get("m")
	w.Expect(conditions.IsTrue(lm, infrav1.ReadyCondition)).To(BeTrue(), "%v", lm.Status.Conditions)
	w.Expect(lm.Status.Addresses).To(Equal(before))
	w.Expect(w.claims()).To(HaveLen(count))
	w.delete("m")
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(w.claims()).To(BeEmpty())
	w.Expect(leftovers(host)).To(BeEmpty())
}

func TestAddresses_onceClaimedDoNotFollowTheCluster(t *testing.T) {
	w := newWorld(t)
	w.addHost("a")
	w.addMachine("m")
	for range 5 { // until claims are made; nobody answers them
		_, err := w.reconcile("m")
		w.Expect(err).NotTo(HaveOccurred())
	}
	w.Expect(w.claims()).To(HaveLen(1))
	w.setNetwork(func(n *infrav1.NodeNetwork) {
		n.AddressPoolRefs = []infrav1.AddressPoolReference{{Name: "others"}, {Name: "second"}}
	})
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(conditions.IsTrue(w.get("m"), infrav1.ReadyCondition)).To(BeTrue())
	names := map[string]bool{}
	for _, claim := range w.claims() {
		names[claim.Spec.PoolRef.Name] = true
	}
	w.Expect(names).To(Equal(map[string]bool{"nodes": true, "second": true}))
}

func TestAddresses_byDHCPStayUnknownWhenTheClusterGetsAPool(t *testing.T) {
	w := newWorld(t)
	w.addHost("a")
	w.setNetwork(func(n *infrav1.NodeNetwork) { n.AddressPoolRefs = nil })
	w.addMachine("m")
	w.Expect(w.settle("m")).To(Succeed())
	w.setNetwork(func(n *infrav1.NodeNetwork) { n.AddressPoolRefs = []infrav1.AddressPoolReference{{Name: "nodes"}} })
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(conditions.IsTrue(w.get("m"), infrav1.ReadyCondition)).To(BeTrue())
	w.Expect(w.get("m").Status.Addresses).To(HaveLen(1))
	w.Expect(w.claims()).To(BeEmpty())
}
