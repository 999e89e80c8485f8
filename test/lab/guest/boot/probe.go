// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"context"
	"os"
	"os/exec"
	"time"
)

// probeLimit is what a kernel gets to boot: with KVM that works it needs two seconds, with emulation six.
const probeLimit = 20 * time.Second

// ProbeKVM reports whether this machine can run guests with KVM. The device may exist, and even run a boot sector, on
// machines where a kernel never comes up; so a kernel is booted. Without a root file system it panics, and ends QEMU.
func ProbeKVM(ctx context.Context, kernel string) bool {
	device, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	_ = device.Close()
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	arguments := append(accelerator(true), "-m", "256", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-kernel", kernel, "-append", "quiet panic=-1")
	return exec.CommandContext(ctx, emulator, arguments...).Run() == nil
}
