// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package ipam

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
)

const (
	// MachineFinalizer keeps the claim of a machine, and so its address, until the guest is gone.
	MachineFinalizer = "infrastructure.cluster.x-k8s.io/libvirtmachine-claim"
	// ClusterFinalizer keeps the claim of a cluster's virtual IP address until no host holds it.
	ClusterFinalizer = "infrastructure.cluster.x-k8s.io/libvirtcluster-claim"
)

const (
	// WaitingForAddressReason means that the pool's provider has not answered yet. A change of the claim ends the wait.
	WaitingForAddressReason = "WaitingForIPAddress"
	// AddressFailedReason means that the pool's provider cannot allocate an address, for example because all are in use.
	AddressFailedReason = "IPAddressFailed"
)

// retryCache is how long the cache may take to contain what was just written.
const retryCache = time.Second

// ErrNotOwned means that the claim of that name belongs to another object.
var ErrNotOwned = errors.New("claim belongs to another object")

// Owner is the object that needs an address.
type Owner struct {
	// Object is a LibvirtMachine or LibvirtCluster with its kind known to the client's scheme.
	Object client.Object
	// ClusterName is the Cluster it belongs to.
	ClusterName string
	// Finalizer is MachineFinalizer or ClusterFinalizer.
	Finalizer string
}

// MachineClaimName returns the name of the claim for the nth pool of the nth network card of a machine.
func MachineClaimName(machine string, nic, pool int) string {
	return fmt.Sprintf("%s-%d-%d", machine, nic, pool)
}

// VIPClaimName returns the name of the claim for the control-plane address of a cluster.
func VIPClaimName(cluster string) string { return cluster + "-vip" }

// Address is an address as its pool allocated it.
type Address struct {
	// Prefix is the address with the length of its network, 32 or 128 when the pool has none.
	Prefix netip.Prefix
	// Gateway is invalid when the pool has none.
	Gateway netip.Addr
}

// What the empty fields of a reference to a pool mean: the in-cluster IPAM provider.
const (
	defaultPoolGroup = "ipam.cluster.x-k8s.io"
	defaultPoolKind  = "InClusterIPPool"
)

// EnsureClaim creates the claim for an address of the pool, or returns the existing one, also when it was deleted
// while its owner still needs it. Errors: ErrNotOwned, *outcome.Wait while an earlier owner's claim is being deleted,
// *outcome.Terminal when the claim names another pool.
func EnsureClaim(
	ctx context.Context, c client.Client, owner Owner, name string, pool infrav1.AddressPoolReference,
) (*ipamv1.IPAddressClaim, error) {
	claim := &ipamv1.IPAddressClaim{ObjectMeta: metav1.ObjectMeta{
		Namespace:  owner.Object.GetNamespace(),
		Name:       name,
		Labels:     map[string]string{clusterv1.ClusterNameLabel: owner.ClusterName},
		Finalizers: []string{owner.Finalizer},
	}}
	claim.Spec = ipamv1.IPAddressClaimSpec{ClusterName: owner.ClusterName, PoolRef: ipamv1.IPPoolReference{
		APIGroup: cmp.Or(pool.APIGroup, defaultPoolGroup), Kind: cmp.Or(pool.Kind, defaultPoolKind), Name: pool.Name,
	}}
	if err := controllerutil.SetControllerReference(owner.Object, claim, c.Scheme()); err != nil {
		return nil, fmt.Errorf("own claim %q: %w", name, err)
	}
	found := &ipamv1.IPAddressClaim{}
	err := c.Get(ctx, client.ObjectKeyFromObject(claim), found)
	if apierrors.IsNotFound(err) {
		if err := c.Create(ctx, claim); err == nil {
			return claim, nil
		} else if !apierrors.IsAlreadyExists(err) {
			return nil, fmt.Errorf("create claim %q: %w", name, err)
		}
		// Our own claim that the cache does not show yet, or another object's: the next reconciliation sees which.
		return nil, outcome.Waitf(WaitingForAddressReason, retryCache, "claim %q is being created", name)
	}
	if err != nil {
		return nil, fmt.Errorf("get claim %q: %w", name, err)
	}
	return adopt(ctx, c, owner, found, claim)
}

// adopt checks that the claim belongs to the owner and completes what a move or a person left out.
func adopt(ctx context.Context, c client.Client, owner Owner, found, want *ipamv1.IPAddressClaim) (*ipamv1.IPAddressClaim, error) {
	// After a move or a restore the owner has another UID, but it is the object of that kind and name.
	ours := metav1.GetControllerOf(want)
	if ref := metav1.GetControllerOf(found); ref != nil && (ref.Kind != ours.Kind || ref.Name != ours.Name) {
		return nil, fmt.Errorf("claim %q is controlled by %s %q: %w", found.Name, ref.Kind, ref.Name, ErrNotOwned)
	}
	if !found.DeletionTimestamp.IsZero() {
		if ref := metav1.GetControllerOf(found); ref != nil && ref.UID == ours.UID && controllerutil.ContainsFinalizer(found, owner.Finalizer) {
			return found, nil // it was deleted by others and is kept until we release it
		}
		return nil, outcome.Waitf(WaitingForAddressReason, retryCache, "an earlier claim %q is being deleted", found.Name)
	}
	if found.Spec.PoolRef != want.Spec.PoolRef {
		return nil, outcome.Terminalf(AddressFailedReason, "claim %q is for pool %s %q, not %s %q: addresses cannot change",
			found.Name, found.Spec.PoolRef.Kind, found.Spec.PoolRef.Name, want.Spec.PoolRef.Kind, want.Spec.PoolRef.Name)
	}
	before := found.DeepCopy()
	controllerutil.AddFinalizer(found, owner.Finalizer)
	if found.Labels == nil {
		found.Labels = map[string]string{}
	}
	found.Labels[clusterv1.ClusterNameLabel] = owner.ClusterName
	if err := controllerutil.SetControllerReference(owner.Object, found, c.Scheme()); err != nil {
		return nil, fmt.Errorf("own claim %q: %w", found.Name, err)
	}
	if isComplete(before, found) {
		return found, nil
	}
	if err := c.Patch(ctx, found, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return nil, fmt.Errorf("complete claim %q: %w", found.Name, err)
	}
	return found, nil
}

func isComplete(before, after *ipamv1.IPAddressClaim) bool {
	controller := metav1.GetControllerOf(before)
	return len(before.Finalizers) == len(after.Finalizers) &&
		controller != nil && controller.UID == metav1.GetControllerOf(after).UID &&
		before.Labels[clusterv1.ClusterNameLabel] == after.Labels[clusterv1.ClusterNameLabel]
}

// ReadAddress returns the address that the claim got. Errors: *outcome.Wait until there is one; its reason is
// AddressFailedReason when the provider has none.
func ReadAddress(ctx context.Context, c client.Client, claim *ipamv1.IPAddressClaim) (Address, error) {
	name := claim.Status.AddressRef.Name
	if name == "" {
		// Not every provider sets conditions: their absence means nothing.
		ready := meta.FindStatusCondition(claim.Status.Conditions, clusterv1.ReadyCondition)
		if ready != nil && ready.Status == metav1.ConditionFalse {
			return Address{}, outcome.Blockedf(AddressFailedReason, 0, "claim %q: %s: %s", claim.Name, ready.Reason, ready.Message)
		}
		return Address{}, outcome.Waitf(WaitingForAddressReason, 0, "claim %q waits for an address of pool %s %q",
			claim.Name, claim.Spec.PoolRef.Kind, claim.Spec.PoolRef.Name)
	}
	address := &ipamv1.IPAddress{}
	err := c.Get(ctx, types.NamespacedName{Namespace: claim.Namespace, Name: name}, address)
	if apierrors.IsNotFound(err) {
		return Address{}, outcome.Waitf(WaitingForAddressReason, retryCache, "address %q is not visible yet", name)
	}
	if err != nil {
		return Address{}, fmt.Errorf("get address %q: %w", name, err)
	}
	if address.Spec.ClaimRef.Name != claim.Name {
		return Address{}, fmt.Errorf("address %q is for claim %q, not %q: %w", name, address.Spec.ClaimRef.Name, claim.Name, ErrNotOwned)
	}
	parsed, err := parse(address.Spec)
	if err != nil {
		return Address{}, fmt.Errorf("parse address %q: %w", name, err)
	}
	return parsed, nil
}

func parse(spec ipamv1.IPAddressSpec) (Address, error) {
	text, _, _ := strings.Cut(spec.Address, "/") // the contract allows no prefix, some providers add one
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return Address{}, err
	}
	if ip.Zone() != "" || ip.Is4In6() {
		return Address{}, fmt.Errorf("address %q has a zone or is mapped", spec.Address)
	}
	bits := ip.BitLen()
	if spec.Prefix != nil {
		bits = int(*spec.Prefix)
	}
	a := Address{Prefix: netip.PrefixFrom(ip, bits)}
	if !a.Prefix.IsValid() {
		return Address{}, fmt.Errorf("prefix %d of address %q", bits, spec.Address)
	}
	if spec.Gateway == "" {
		return a, nil
	}
	if a.Gateway, err = netip.ParseAddr(spec.Gateway); err != nil {
		return Address{}, fmt.Errorf("gateway: %w", err)
	}
	if a.Gateway.Is4() != ip.Is4() {
		return Address{}, fmt.Errorf("gateway %q of address %q is of the other family", spec.Gateway, spec.Address)
	}
	return a, nil
}

// Release gives back all addresses of the owner: call it when they are no longer used. It finds claims by owner and
// not by name, so that claims of an earlier spec go as well. Errors: *outcome.Wait never; it does not wait for the
// provider.
func Release(ctx context.Context, c client.Client, owner Owner) error {
	claims, err := Claims(ctx, c, owner)
	if err != nil {
		return err
	}
	var errs []error
	for i := range claims {
		errs = append(errs, release(ctx, c, owner, &claims[i]))
	}
	return errors.Join(errs...)
}

// Claims returns all claims of the owner, those of earlier specs included.
func Claims(ctx context.Context, c client.Client, owner Owner) ([]ipamv1.IPAddressClaim, error) {
	list := &ipamv1.IPAddressClaimList{}
	err := c.List(ctx, list, client.InNamespace(owner.Object.GetNamespace()),
		client.MatchingLabels{clusterv1.ClusterNameLabel: owner.ClusterName})
	if err != nil {
		return nil, fmt.Errorf("list claims: %w", err)
	}
	gvk, err := c.GroupVersionKindFor(owner.Object)
	if err != nil {
		return nil, fmt.Errorf("find kind of owner %q: %w", owner.Object.GetName(), err)
	}
	return slices.DeleteFunc(list.Items, func(claim ipamv1.IPAddressClaim) bool {
		// By kind and name, as in adopt: after a restore the UID is another.
		ref := metav1.GetControllerOf(&claim)
		return ref == nil || ref.Kind != gvk.Kind || ref.Name != owner.Object.GetName()
	}), nil
}

// release deletes first: without the finalizer and undeleted, the claim would live until garbage collection.
func release(ctx context.Context, c client.Client, owner Owner, claim *ipamv1.IPAddressClaim) error {
	if claim.DeletionTimestamp.IsZero() {
		err := c.Delete(ctx, claim, client.Preconditions{UID: &claim.UID})
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete claim %q: %w", claim.Name, err)
		}
	}
	before := claim.DeepCopy()
	if !controllerutil.RemoveFinalizer(claim, owner.Finalizer) {
		return nil
	}
	err := c.Patch(ctx, claim, client.MergeFrom(before))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("release claim %q: %w", claim.Name, err)
	}
	return nil
}
