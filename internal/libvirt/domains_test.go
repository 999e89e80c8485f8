// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirt

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	rpc "github.com/digitalocean/go-libvirt"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/libvirtd"
)

// TestDefineDomain_everyVariantIsValid lets libvirtd judge what domainxml builds.
func TestDefineDomain_everyVariantIsValid(t *testing.T) {
	h := openHost(t, openPool(t, Limits{}))
	for name, change := range map[string]func(*virt.DomainSpec){
		"bios":                func(*virt.DomainSpec) {},
		"uefi":                func(s *virt.DomainSpec) { s.Firmware = virt.FirmwareUEFI },
		"secure boot and tpm": func(s *virt.DomainSpec) { s.Firmware, s.TPM = virt.FirmwareUEFISecureBoot, true },
		"maximum cpu":         func(s *virt.DomainSpec) { s.CPUModel = "maximum" },
		"named cpu":           func(s *virt.DomainSpec) { s.CPUModel = "qemu64" },
		"vlan and mtu": func(s *virt.DomainSpec) {
			s.Interfaces = []virt.Interface{{MAC: "52:54:00:00:00:01", Bridge: libvirtd.Bridge, VLAN: 7, MTU: 9000}}
		},
		"vlan on a bridge that is none": func(s *virt.DomainSpec) {
			s.Interfaces = []virt.Interface{{MAC: "52:54:00:00:00:01", Bridge: "up1", VLAN: 7}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			spec := minimalSpec()
			change(&spec)
			define(t, h, spec)
		})
	}
}

// TestDefineDomain_kvmIsValidToo defines only: whether KVM works is the machine's affair.
func TestDefineDomain_kvmIsValidToo(t *testing.T) {
	p := openPool(t, Limits{})
	kvm := target()
	kvm.Accelerator = virt.AcceleratorAuto
	h, err := p.Host(deadline(t, 10*time.Second), kvm)
	assert.NoError(t, err)
	facts, err := h.Facts(deadline(t, 10*time.Second))
	assert.NoError(t, err)
	spec := minimalSpec()
	d := define(t, h, spec)
	found, err := h.(*host).lookupDomain(t.Context(), d.UUID)
	assert.NoError(t, err)
	definition, err := h.(*host).describe(t.Context(), found, rpc.DomainXMLInactive)
	assert.NoError(t, err)
	if want := map[bool]string{true: "kvm", false: "qemu"}[facts.KVM]; definition.Type != want {
		t.Errorf("domain type is %q, want %q", definition.Type, want)
	}
}

func TestRemoveDomain_takesFirmwareTPMSavedStateAndSnapshots(t *testing.T) {
	h := openHost(t, openPool(t, Limits{}))
	spec := minimalSpec()
	spec.Firmware, spec.TPM = virt.FirmwareUEFI, true
	defined := define(t, h, spec)
	ctx := deadline(t, time.Minute)
	assert.NoError(t, h.StartDomain(ctx, spec.UUID, spec.Owner))
	found, err := h.(*host).lookupDomain(ctx, spec.UUID)
	assert.NoError(t, err)

	log, err := os.Stat(daemon.Path(defined.ConsoleLog))
	if err != nil || log.Mode().Perm()&0o077 != 0 {
		t.Errorf("console log: %v, %v", log, err)
	}
	variables := filepath.Join(daemon.Path("/var/lib/libvirt/qemu"), "nvram", spec.Name+"_VARS.fd")
	state := filepath.Join(daemon.Path("/var/lib/libvirt/swtpm"), spec.UUID)
	for _, path := range []string{variables, state} {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("before: %v", err)
		}
	}
	assert.NoError(t, h.(*host).destroy(ctx, found))
	assert.NoError(t, h.RemoveDomain(ctx, spec.UUID, spec.Owner))
	for _, path := range []string{variables, state} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
}

func TestRemoveDomain_takesSavedStateAndSnapshots(t *testing.T) {
	h := openHost(t, openPool(t, Limits{}))
	ctx := deadline(t, time.Minute)
	ref := virt.VolumeRef{Pool: libvirtd.Pool, Name: "saved-root"}
	_, err := h.CreateVolume(ctx, virt.VolumeSpec{VolumeRef: ref, Format: virt.VolumeQCOW2, CapacityBytes: 16 << 20})
	assert.NoError(t, err)
	spec := minimalSpec()
	spec.Disks = []virt.Disk{{Volume: ref}}
	define(t, h, spec)
	found, err := h.(*host).lookupDomain(ctx, spec.UUID)
	assert.NoError(t, err)
	assert.NoError(t, h.(*host).Do(ctx, time.Minute, func(c *rpc.Libvirt) error {
		_, err := c.DomainSnapshotCreateXML(found, "<domainsnapshot><name>s1</name></domainsnapshot>", 0)
		return err
	}))
	assert.NoError(t, h.StartDomain(ctx, spec.UUID, spec.Owner))
	assert.NoError(t, h.(*host).Do(ctx, time.Minute, func(c *rpc.Libvirt) error { return c.DomainManagedSave(found, 0) }))
	assert.NoError(t, h.RemoveDomain(ctx, spec.UUID, spec.Owner))
	assert.NoError(t, h.DeleteVolume(ctx, ref))
}

func TestStartDomain_aMissingBridgeIsNotOurMistake(t *testing.T) {
	h := openHost(t, openPool(t, Limits{}))
	spec := minimalSpec()
	spec.Interfaces = []virt.Interface{{MAC: "52:54:00:00:00:02", Bridge: "absent0"}}
	define(t, h, spec)
	if err := h.StartDomain(deadline(t, time.Minute), spec.UUID, spec.Owner); err == nil {
		t.Error("domain started on a bridge that is not there")
	}
}
