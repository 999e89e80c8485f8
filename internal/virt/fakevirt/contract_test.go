// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fakevirt_test

import (
	"context"
	"fmt"
	"io/fs"
	"testing"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/virttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestHost_keepsTheContract(t *testing.T) {
	h := fakevirt.NewCloud().AddHost("h1")
	unowned := virt.Domain{UUID: uuid.NewString(), Name: "unowned", State: virt.DomainShutOff}
	h.PutDomain(unowned)
	virttest.Run(t, virttest.Options{
		Host:          h,
		Pool:          "default",
		Bridge:        "br0",
		UnownedDomain: unowned.UUID,
		ReadVolume: func(_ context.Context, v virt.Volume) ([]byte, error) {
			content, ok := h.Content(v.VolumeRef)
			if !ok {
				return nil, fmt.Errorf("volume %q is not there", v.Name)
			}
			return content, nil
		},
		VolumeMode: func(_ context.Context, v virt.Volume) (fs.FileMode, error) {
			switch _, there := h.Content(v.VolumeRef); {
			case !there:
				return 0, fs.ErrNotExist
			case h.Private(v.VolumeRef):
				return 0o600, nil
			}
			return 0o644, nil
		},
		PowerOff: func(_ context.Context, id string) error {
			h.SetState(id, virt.DomainShutOff)
			return nil
		},
	})
}
