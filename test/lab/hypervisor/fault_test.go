// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package hypervisor_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/hypervisor"
)

func TestPowerOff_keepsTheDiskAndSilencesTheAddress(t *testing.T) {
	lab := newLab(t)
	host := lab.Host("node3")
	key := host.SSHHostKey.Marshal()
	for _, command := range [][]string{
		{"sh", "-c", "echo kept >/root/witness && ip address add 10.150.0.160/32 dev br0"},
		{"virsh", "-q", "vol-create-as", "default", "disk.qcow2", "1G", "--format", "qcow2"},
		{"sh", "-c", "printf %s '" + guest + "' >/root/guest.xml && virsh -q create /root/guest.xml"},
	} {
		if _, err := host.Exec(t.Context(), command[0], command[1:]...); err != nil {
			t.Fatal(err)
		}
	}
	pid := host.PID()
	began := time.Now()
	if err := host.PowerOff(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("powered off in %s", time.Since(began).Round(time.Millisecond))
	for _, address := range []string{"10.150.0.3", "10.150.0.160"} {
		if err := lab.Network.Command(t.Context(), "ping", "-q", "-n", "-c", "1", "-W", "1", address).Run(); err == nil {
			t.Errorf("%s still answers", address)
		}
	}
	if _, err := host.Exec(t.Context(), "true"); !errors.Is(err, hypervisor.ErrOff) {
		t.Errorf("Exec on a host that is off: %v", err)
	}
	if _, err := os.Stat(filepath.Join(host.Disk(), "disk.qcow2")); err != nil {
		t.Error(err)
	}
	again := lab.Host("node3")
	if again.PID() == pid {
		t.Error("the host was not started again")
	}
	if string(again.SSHHostKey.Marshal()) != string(key) {
		t.Error("the host has another SSH key after a power failure")
	}
	got, err := run(t, lab.SSH(again, "root"), "cat /root/witness; virsh -q vol-list default; virsh -q list --all; ip -br -4 address show br0")
	want := "kept\n disk.qcow2   /var/lib/libvirt/images/disk.qcow2\nbr0              UP             10.150.0.3/24 \n"
	if err != nil || got != want {
		t.Errorf("after a power failure: %q, want %q (%v)", got, want, err)
	}
}

func TestEnsure_replacesAHostWhoseFirstProcessDied(t *testing.T) {
	lab := newLab(t)
	first := lab.Host("node3")
	process, err := os.FindProcess(first.PID())
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	dead := func() bool { // a dying process still counts as alive, one that nobody has waited for does not
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", first.PID()))
		return err != nil || strings.Contains(string(stat), ") Z ")
	}
	for range 1000 {
		if dead() {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	second := lab.Host("node3")
	if got, err := second.Exec(t.Context(), "systemctl", "is-system-running"); err != nil || got != "running\n" {
		t.Errorf("second host: %q, %v", got, err)
	}
}

func TestCut_isolatesTheHostUntilItIsRestored(t *testing.T) {
	lab := newLab(t)
	host, other := lab.Host("node3"), lab.Host("node4")
	ping := func() error {
		_, err := other.Exec(t.Context(), "ping", "-q", "-n", "-c", "1", "-W", "1", host.Address.String())
		return err
	}
	awaitPing := func(otherwise string) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); ping() != nil; {
			if time.Now().After(deadline) {
				t.Fatal(otherwise)
			}
		}
	}
	awaitPing("the host does not answer before its cable is pulled")
	if err := host.Cut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := ping(); err == nil {
		t.Error("the host answers with its cable pulled")
	}
	if got, err := host.Exec(t.Context(), "cat", "/sys/class/net/up0/carrier"); err != nil || got != "0\n" {
		t.Errorf("carrier with its cable pulled: %q, %v", got, err)
	}
	if err := host.Restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	awaitPing("the host does not answer with its cable put back")
}

func TestHost_hasSettingsOfItsOwn(t *testing.T) {
	lab := newLab(t)
	host, other := lab.Host("node3"), lab.Host("node4")
	for _, name := range []string{"net/bridge/bridge-nf-call-iptables", "net/ipv4/ip_nonlocal_bind"} {
		if _, err := os.Stat("/proc/sys/" + name); err != nil {
			t.Logf("the machine has no %s", name)
			continue
		}
		for where, value := range map[*hypervisor.Host]string{host: "1", other: "0"} {
			if _, err := where.Exec(t.Context(), "sysctl", "-w", name+"="+value); err != nil {
				t.Error(err)
			}
		}
		if got, err := host.Exec(t.Context(), "sysctl", "-n", name); err != nil || got != "1\n" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := host.Exec(t.Context(), "sysctl", "-w", "kernel.panic=5"); err == nil {
		t.Error("a host may change settings of the machine")
	}
	script := "test $(ls /proc | grep -c '^[0-9]') -lt 60 && ! ls -d /sys/fs/cgroup/altcos-* 2>/dev/null"
	if got, err := host.Exec(t.Context(), "sh", "-c", script); err != nil {
		t.Errorf("the host sees what is not its own: %q, %v", got, err)
	}
}

func TestFreeze_hangsTheHostUntilItThaws(t *testing.T) {
	lab := newLab(t)
	host := lab.Host("node3")
	if err := host.Freeze(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := host.Exec(ctx, "systemctl", "is-system-running"); err == nil {
		t.Error("systemd answers in a frozen host")
	}
	if err := host.Thaw(); err != nil {
		t.Fatal(err)
	}
	if got, err := host.Exec(t.Context(), "systemctl", "is-system-running"); err != nil || got != "running\n" {
		t.Errorf("thawed host: %q, %v", got, err)
	}
	if err := host.Freeze(); err != nil {
		t.Fatal(err)
	}
	if err := host.PowerOff(t.Context()); err != nil { // a frozen host can be killed
		t.Error(err)
	}
}

// guest has no operating system: its firmware waits for one.
const guest = `<domain type="qemu"><name>guest</name><memory unit="MiB">64</memory><os><type arch="x86_64" machine="q35">hvm</type></os>
<devices>
<disk type="file" device="disk"><driver name="qemu" type="qcow2" cache="none" io="native"/><source file="/var/lib/libvirt/images/disk.qcow2"/><target dev="sda" bus="scsi"/></disk>
<controller type="scsi" model="virtio-scsi"/>
<interface type="bridge"><source bridge="br0"/><model type="virtio"/></interface>
<serial type="pty"><log file="/var/log/libvirt/qemu/guest-console.log"/></serial>
<rng model="virtio"><backend model="random">/dev/urandom</backend></rng>
</devices></domain>`
