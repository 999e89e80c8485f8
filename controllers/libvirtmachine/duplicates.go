// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"cmp"
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/index"
)

// original returns the LibvirtMachine that this one is a copy of (kubectl get | apply under another name, a restore into
// another namespace), nil if it is not a copy. A copy has the original's identity, so acting on it would change or destroy
// the original's virtual machine. An original that the cache does not show is detected by the owner in the domain's
// metadata.
func (r *Reconciler) original(ctx context.Context, s *scope) (*infrav1.LibvirtMachine, error) {
	machines := &infrav1.LibvirtMachineList{}
	var options []client.ListOption
	if r.indexed {
		options = append(options, client.MatchingFields{index.MachineByProviderID: s.providerID})
	}
	if err := r.Client.List(ctx, machines, options...); err != nil {
		return nil, fmt.Errorf("list machines with identity %q: %w", s.providerID, err)
	}
	var found *infrav1.LibvirtMachine
	for i := range machines.Items {
		other := &machines.Items[i]
		if other.Spec.ProviderID == s.providerID && other.UID != s.lm.UID && isOlder(other, s.lm, s.vm.UUID) {
			found = other
		}
	}
	return found, nil
}

// isOlder reports whether a existed before b, which has the same identity: the object whose UID became the identity comes
// first or, if a move has replaced both UIDs, the one created earlier.
func isOlder(a, b *infrav1.LibvirtMachine, uuid string) bool {
	if is, other := string(a.UID) == uuid, string(b.UID) == uuid; is || other {
		return is
	}
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	}
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name)) < 0
}
