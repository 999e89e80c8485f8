// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// buildPackages are what building an image needs on this machine.
var buildPackages = []string{"mmdebstrap", "qemu-utils", "e2fsprogs", "grub-pc-bin", "grub-common", "skopeo", "zstd", "gcc", "libc6-dev", "util-linux"}

// run runs a command; the last lines of its output end up in the error.
func run(ctx context.Context, name string, arguments ...string) error {
	command := exec.CommandContext(ctx, name, arguments...)
	command.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive",
		"INITRD=No") // the kernel package need not build an initramfs: ours is built later
	output, err := command.CombinedOutput()
	if err == nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	return fmt.Errorf("run %s: %w: %s", name, err, strings.Join(lines[max(0, len(lines)-8):], "; "))
}
