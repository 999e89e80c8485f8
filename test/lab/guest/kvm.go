// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"path/filepath"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/guest/boot"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/packages"
)

// ProbeKVM reports whether guests can run with KVM on this machine, by booting the guest's kernel for 20 s at most. An error
// means that the kernel or QEMU is not to be had.
func ProbeKVM(ctx context.Context, store *artifact.Store) (bool, error) {
	if err := packages.Ensure(ctx, append(buildPackages, "qemu-system-x86")...); err != nil {
		return false, err
	}
	base, err := ensureBase(ctx, store)
	if err != nil {
		return false, err
	}
	initramfs, err := ensureInitramfs(ctx, store, base)
	if err != nil {
		return false, err
	}
	return boot.ProbeKVM(ctx, filepath.Join(filepath.Dir(initramfs), kernelName)), nil
}
