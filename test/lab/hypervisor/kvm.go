// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package hypervisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
)

// kvmLimit is how long KVM may take from power-on through the firmware to the first instruction of a boot sector. Where
// KVM is sound that is a fraction of a second; where every exit of the guest is emulated by an outer hypervisor it is
// many seconds, and such a KVM is slower than none.
const kvmLimit = 2 * time.Second

// bootSector writes 0x10 to port 0xf4, where isa-debug-exit makes QEMU end with status 0x10<<1|1, and halts.
var bootSector = [512]byte{0xb0, 0x10, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd, 510: 0x55, 511: 0xaa}

const bootSectorStatus = 33

// kvmProbe runs QEMU of the hosts' root file system on the machine's /dev. Its mounts end with it.
const kvmProbe = `set -e
mount --make-rprivate /
mount --bind /dev "$1/dev"
mount --bind "$2" "$1/mnt"
exec chroot "$1" qemu-system-x86_64 -accel kvm -cpu host -machine q35 -m 64 -nodefaults -no-reboot -display none -monitor none \
	-device isa-debug-exit,iobase=0xf4,iosize=4 -drive file=/mnt/sector,format=raw,if=ide,readonly=on,snapshot=on
`

// WorkingKVM reports whether /dev/kvm really runs a guest with the machine's own CPU. The device alone tells nothing: in
// a nested machine it may be there and hang.
func WorkingKVM(ctx context.Context, store *artifact.Store) (bool, error) {
	if _, err := os.Stat("/dev/kvm"); errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	base, err := Base(ctx, store)
	if err != nil {
		return false, err
	}
	dir, err := os.MkdirTemp("", "altcos-kvm-probe-")
	if err != nil {
		return false, fmt.Errorf("make directory of KVM probe: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "sector"), bootSector[:], 0o644); err != nil {
		return false, fmt.Errorf("write boot sector of KVM probe: %w", err)
	}
	limited, cancel := context.WithTimeout(ctx, kvmLimit)
	defer cancel()
	err = exec.CommandContext(limited, "unshare", "--mount", "--", "sh", "-c", kvmProbe, "probe", base, dir).Run()
	var exit *exec.ExitError
	if err == nil || errors.As(err, &exit) { // anything but the boot sector's own status means that it did not run
		return exit != nil && exit.ExitCode() == bootSectorStatus, ctx.Err()
	}
	return false, fmt.Errorf("probe KVM: %w", err)
}
