// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirt

import (
	"context"
	"fmt"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// lock serialises what libvirt does not: a check and the act that relies on it. Locks span sessions. Errors: virt.ErrBusy
// when the context ends first.
func (h *host) lock(ctx context.Context, key string) (unlock func(), err error) {
	unlock, err = h.locks.Lock(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("await other work on %s: %w: %w", key, virt.ErrBusy, err)
	}
	return unlock, nil
}

// poolKey and domainKey name what is locked.
func (h *host) poolKey(pool string) string { return "pool " + h.name + "/" + pool }
func (h *host) domainKey(id string) string { return "domain " + h.name + "/" + id }
