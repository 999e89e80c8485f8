// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
)

func (r *Reconciler) allocate(ctx context.Context, s *scope, index int, n *nic) error {
	for i, pool := range n.spec.AddressPoolRefs {
		claim := &ipamv1.IPAddressClaim{}
		claim.Namespace, claim.Name = s.lm.Namespace, fmt.Sprintf("%s-%d-%d", s.lm.Name, index, i)
		_, err := controllerutil.CreateOrPatch(ctx, r.Client, claim, func() error {
			claim.Labels = map[string]string{clusterv1.ClusterNameLabel: s.clusterName()}
			controllerutil.AddFinalizer(claim, infrav1.MachineFinalizer)
			claim.Spec.ClusterName = s.clusterName()
			claim.Spec.PoolRef = ipamv1.IPPoolReference{APIGroup: cmp.Or(pool.APIGroup, "ipam.cluster.x-k8s.io"), Kind: cmp.Or(pool.Kind, "InClusterIPPool"), Name: pool.Name}
			return controllerutil.SetControllerReference(s.lm, claim, r.Client.Scheme())
		})
		if err != nil {
			return err
		}
		if claim.Status.AddressRef.Name == "" {
			return outcome.Waitf(infrav1.LibvirtMachineWaitingForAddressReason, 0, "waiting for claim %q", claim.Name)
		}
		address := &ipamv1.IPAddress{}
		if err := r.Client.Get(ctx, client.ObjectKey{Namespace: s.lm.Namespace, Name: claim.Status.AddressRef.Name}, address); err != nil {
			return err
		}
		ip, err := netip.ParseAddr(address.Spec.Address)
		if err != nil {
			return outcome.Terminalf(infrav1.LibvirtMachineAddressInvalidReason, "%w", err)
		}
		n.addresses = append(n.addresses, netip.PrefixFrom(ip, int(ptr.Deref(address.Spec.Prefix, 32))))
		if gw, err := netip.ParseAddr(address.Spec.Gateway); err == nil {
			n.addGateway(gw)
		}
	}
	return nil
}

func (r *Reconciler) releaseAddresses(ctx context.Context, s *scope) error {
	claims := &ipamv1.IPAddressClaimList{}
	if err := r.Client.List(ctx, claims, client.InNamespace(s.lm.Namespace)); err != nil {
		return err
	}
	for i := range claims.Items {
		claim := &claims.Items[i]
		if !controllerutil.HasControllerReference(claim) || claim.OwnerReferences[0].UID != s.lm.UID {
			continue
		}
		before := claim.DeepCopy()
		if controllerutil.RemoveFinalizer(claim, infrav1.MachineFinalizer) {
			if err := r.Client.Patch(ctx, claim, client.MergeFrom(before)); err != nil && !apierrors.IsNotFound(err) {
				return err
			}
		}
		if err := r.Client.Delete(ctx, claim); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return nil
}
