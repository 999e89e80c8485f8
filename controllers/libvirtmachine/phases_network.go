// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"context"
)

// claimAddresses determines all addresses of the machine: static ones, and one of each pool. With DHCP there are none to
// know.
func (r *Reconciler) claimAddresses(ctx context.Context, s *scope) error {
	nics, err := interfaces(s.lm, s.infra, s.uuid)
	if err != nil {
		return err
	}
	for i := range nics {
		if err := r.allocate(ctx, s, i, &nics[i]); err != nil {
			return err
		}
	}
	s.nics = nics
	return nil
}
