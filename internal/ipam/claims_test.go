// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package ipam_test

import (
	"errors"
	"net/netip"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/ipam"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

var pool = infrav1.AddressPoolReference{Name: "nodes"}

// poolRef is what a claim says of the pool: the in-cluster provider is the default.
var poolRef = ipamv1.IPPoolReference{APIGroup: "ipam.cluster.x-k8s.io", Kind: "InClusterIPPool", Name: "nodes"}

func newClient(t *testing.T) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	assert.NoError(t, errors.Join(clusterv1.AddToScheme(scheme), ipamv1.AddToScheme(scheme)))
	return fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&ipamv1.IPAddressClaim{}).Build()
}

// machine stands in for a LibvirtMachine: only its metadata matters.
func machine(uid string) ipam.Owner {
	return ipam.Owner{
		Object:      &clusterv1.Machine{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "m1", UID: types.UID(uid)}},
		ClusterName: "c1",
		Finalizer:   ipam.MachineFinalizer,
	}
}

func ensure(t *testing.T, c client.Client, owner ipam.Owner) *ipamv1.IPAddressClaim {
	t.Helper()
	claim, err := ipam.EnsureClaim(t.Context(), c, owner, ipam.MachineClaimName("m1", 0, 1), pool)
	assert.NoError(t, err)
	return claim
}

func TestEnsureClaim_makesOneClaim(t *testing.T) {
	c := newClient(t)
	ensure(t, c, machine("1"))
	claim := ensure(t, c, machine("1"))
	want := metav1.ObjectMeta{
		Namespace: "ns", Name: "m1-0-1", Labels: map[string]string{"cluster.x-k8s.io/cluster-name": "c1"},
		Finalizers: []string{ipam.MachineFinalizer}, ResourceVersion: "1",
		OwnerReferences: []metav1.OwnerReference{{
			APIVersion: "cluster.x-k8s.io/v1beta2", Kind: "Machine", Name: "m1", UID: "1", Controller: new(true), BlockOwnerDeletion: new(true),
		}},
	}
	assert.Equal(t, want, claim.ObjectMeta)
	assert.Equal(t, ipamv1.IPAddressClaimSpec{ClusterName: "c1", PoolRef: poolRef}, claim.Spec)
}

func TestEnsureClaim_refusesAndCompletes(t *testing.T) {
	c := newClient(t)
	claim := ensure(t, c, machine("1"))
	second := machine("2")
	second.Object.SetName("m2")
	if _, err := ipam.EnsureClaim(t.Context(), c, second, claim.Name, pool); !errors.Is(err, ipam.ErrNotOwned) {
		t.Errorf("claim of another machine: %v", err)
	}
	other := pool
	other.Name = "other"
	_, err := ipam.EnsureClaim(t.Context(), c, machine("1"), claim.Name, other)
	if terminal, ok := outcome.AsTerminal(err); !ok || terminal.Reason != ipam.AddressFailedReason {
		t.Errorf("claim for another pool: %v", err)
	}
	claim.Finalizers, claim.Labels, claim.OwnerReferences = nil, nil, nil
	assert.NoError(t, c.Update(t.Context(), claim))
	claim = ensure(t, c, machine("1"))
	if len(claim.Finalizers) != 1 || len(claim.OwnerReferences) != 1 || len(claim.Labels) != 1 {
		t.Errorf("claim is not completed: %+v", claim.ObjectMeta)
	}
	assert.NoError(t, c.Delete(t.Context(), claim))
	_, err = ipam.EnsureClaim(t.Context(), c, machine("restored"), claim.Name, pool)
	if wait, ok := errors.AsType[*outcome.Wait](err); !ok || wait.After == 0 {
		t.Errorf("claim that is going away: %v", err)
	}
}

func TestEnsureClaim_aDeletedClaimServesItsOwnerOn(t *testing.T) {
	c := newClient(t)
	claim := ensure(t, c, machine("1"))
	assert.NoError(t, c.Delete(t.Context(), claim))
	if again := ensure(t, c, machine("1")); again.UID != claim.UID || again.DeletionTimestamp.IsZero() {
		t.Errorf("claim is %+v", again.ObjectMeta)
	}
	_, err := ipam.EnsureClaim(t.Context(), c, machine("restored"), claim.Name, pool)
	if wait, ok := errors.AsType[*outcome.Wait](err); !ok || wait.After == 0 {
		t.Errorf("claim of an earlier owner: %v", err)
	}
}

func TestClaims_surviveANewUIDOfTheirOwner(t *testing.T) {
	c := newClient(t)
	before := ensure(t, c, machine("before the move"))
	after := ensure(t, c, machine("after the move"))
	if after.UID != before.UID || len(after.OwnerReferences) != 1 || after.OwnerReferences[0].UID != "after the move" {
		t.Errorf("claim is %+v", after.ObjectMeta)
	}
	assert.NoError(t, ipam.Release(t.Context(), c, machine("restored")))
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(after), after); !apierrors.IsNotFound(err) {
		t.Errorf("claim is there: %v", err)
	}
}

func TestReadAddress(t *testing.T) {
	for _, c := range []struct {
		name    string
		ready   *metav1.Condition
		ref     string
		address *ipamv1.IPAddressSpec
		want    ipam.Address
		reason  string // of a wait; "error" for any other error
	}{
		{name: "nothing yet", reason: ipam.WaitingForAddressReason},
		{
			name:  "the pool is exhausted",
			ready: &metav1.Condition{Type: "Ready", Status: metav1.ConditionFalse, Reason: "PoolExhausted", Message: "no address left"}, reason: ipam.AddressFailedReason,
		},
		{name: "the address is not visible", ref: "a", reason: ipam.WaitingForAddressReason},
		{
			name: "with prefix and gateway", ref: "a",
			address: &ipamv1.IPAddressSpec{Address: "10.0.0.7", Prefix: new(int32(24)), Gateway: "10.0.0.1"},
			want:    ipam.Address{Prefix: netip.MustParsePrefix("10.0.0.7/24"), Gateway: netip.MustParseAddr("10.0.0.1")},
		},
		{
			name: "alone", ref: "a", address: &ipamv1.IPAddressSpec{Address: "fd00::7"},
			want: ipam.Address{Prefix: netip.MustParsePrefix("fd00::7/128")},
		},
		{name: "an address that is none", ref: "a", address: &ipamv1.IPAddressSpec{Address: "x"}, reason: "error"},
		{name: "a prefix that is none", ref: "a", address: &ipamv1.IPAddressSpec{Address: "10.0.0.7", Prefix: new(int32(33))}, reason: "error"},
		{name: "a gateway of the other family", ref: "a", address: &ipamv1.IPAddressSpec{Address: "10.0.0.7", Gateway: "fd00::1"}, reason: "error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newClient(t)
			claim := ensure(t, k, machine("1"))
			claim.Status.AddressRef.Name = c.ref
			if c.ready != nil {
				claim.Status.Conditions = []metav1.Condition{*c.ready}
			}
			if c.address != nil {
				c.address.ClaimRef.Name, c.address.PoolRef = claim.Name, poolRef
				err := k.Create(t.Context(), &ipamv1.IPAddress{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "a"}, Spec: *c.address})
				assert.NoError(t, err)
			}
			got, err := ipam.ReadAddress(t.Context(), k, claim)
			if got != c.want {
				t.Errorf("address is %+v", got)
			}
			if reason, _ := outcome.Explain(err, "error"); err == nil && c.reason != "" || err != nil && reason != c.reason {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestRelease_givesBackOnlyOwnClaims(t *testing.T) {
	c := newClient(t)
	claim := ensure(t, c, machine("1"))
	second := machine("2")
	second.Object.SetName("m2")
	kept, err := ipam.EnsureClaim(t.Context(), c, second, ipam.MachineClaimName("m2", 0, 0), pool)
	assert.NoError(t, err)
	// Garbage collection may come first: the finalizer holds the address.
	assert.NoError(t, c.Delete(t.Context(), claim))
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(claim), claim); err != nil {
		t.Fatalf("address is lost while the guest lives: %v", err)
	}
	for range 2 {
		assert.NoError(t, ipam.Release(t.Context(), c, machine("1")))
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(claim), claim); !apierrors.IsNotFound(err) {
		t.Errorf("claim is there: %v", err)
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(kept), kept); err != nil || !kept.DeletionTimestamp.IsZero() {
		t.Errorf("claim of another machine: %v", err)
	}
	assert.NoError(t, ipam.Release(t.Context(), c, second))
}
