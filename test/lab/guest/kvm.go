// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/packages"
)

// probeLimit is what a kernel gets to boot: with KVM that works it needs two seconds, with emulation six.
const probeLimit = 20 * time.Second

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
	return bootsWithKVM(ctx, filepath.Join(filepath.Dir(initramfs), kernelName)), nil
}

// bootsWithKVM boots a kernel, since the device may exist, and even run a boot sector, on machines where a kernel never
// comes up. Without a root file system it panics, and ends QEMU.
func bootsWithKVM(ctx context.Context, kernel string) bool {
	device, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	_ = device.Close()
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	return exec.CommandContext(ctx, "qemu-system-x86_64", "-accel", "kvm", "-cpu", "host", "-m", "256", "-nodefaults", "-no-user-config",
		"-display", "none", "-no-reboot", "-kernel", kernel, "-append", "quiet panic=-1").Run() == nil
}
