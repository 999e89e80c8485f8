// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"testing"

	. "github.com/onsi/gomega"

	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/test/fixture"
)

func (w *world) setPools(names ...string) {
	w.T.Helper()
	fixture.Change(w, "demo", func(lc *infrav1.LibvirtCluster) {
		lc.Spec.Network.AddressPoolRefs = nil
		for _, name := range names {
			lc.Spec.Network.AddressPoolRefs = append(lc.Spec.Network.AddressPoolRefs, infrav1.AddressPoolReference{Name: name})
		}
	})
}

func TestAddresses_ofAMachineOutliveChangesAroundIt(t *testing.T) {
	for name, change := range map[string]func(*world){
		"the cluster got another pool":      func(w *world) { w.setPools("others") },
		"the cluster got a second pool":     func(w *world) { w.setPools("nodes", "more") },
		"the cluster has no pools any more": func(w *world) { w.setPools() },
		"somebody deleted the claim":        func(w *world) { w.Remove(&w.claims()[0]) },
		"the claim was deleted by all means": func(w *world) {
			claim := &w.claims()[0]
			claim.Finalizers = nil
			w.Update(claim)
			w.Remove(claim)
		},
		"the address was given back": func(w *world) {
			w.Remove(&ipamv1.IPAddress{ObjectMeta: w.Meta(w.claims()[0].Name)})
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
	w, host := newRunning(t, spec)
	before := w.Get("m").Status.Addresses
	w.Expect(before).To(HaveLen(2))
	change(w)
	count := len(w.claims())
	lm := w.ExpectReady("m")
	w.Expect(lm.Status.Addresses).To(Equal(before))
	w.Expect(w.claims()).To(HaveLen(count))
	w.removeFrom(host, "m")
	w.Expect(w.claims()).To(BeEmpty())
}

func TestAddresses_onceClaimedDoNotFollowTheCluster(t *testing.T) {
	w, _ := newMachine(t)
	for range 5 { // until claims are made; nobody answers them
		w.Reconciled("m")
	}
	w.Expect(w.claims()).To(HaveLen(1))
	w.setPools("others", "second")
	w.ExpectReady("m")
	names := map[string]bool{}
	for _, claim := range w.claims() {
		names[claim.Spec.PoolRef.Name] = true
	}
	w.Expect(names).To(Equal(map[string]bool{"nodes": true, "second": true}))
}

func TestAddresses_byDHCPStayUnknownWhenTheClusterGetsAPool(t *testing.T) {
	w := newWorld(t)
	w.addHost("a")
	w.setPools()
	w.addMachine("m")
	w.Converged("m")
	w.setPools("nodes")
	w.ExpectReady("m")
	w.Expect(w.Get("m").Status.Addresses).To(HaveLen(1))
	w.Expect(w.claims()).To(BeEmpty())
}
