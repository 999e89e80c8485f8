// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package boot_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/altcos/cluster-api-provider-altcos/internal/imagecache"
	"github.com/altcos/cluster-api-provider-altcos/internal/libvirt"
	"github.com/altcos/cluster-api-provider-altcos/internal/libvirt/domainxml"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/guest"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/libvirtd"
)

const (
	// bootLimit is for two emulated guests on two processors that others use too; alone they need two minutes.
	bootLimit    = 15 * time.Minute
	consoleEvery = 500 * time.Millisecond
	tailSize     = 4 << 10
	dataDisk     = "containers"
	scratchDisk  = "scratch"
)

// hypervisor is a private libvirtd, reached as the product reaches a host, with the guest's image in its pool.
type hypervisor struct {
	daemon *libvirtd.Daemon
	host   virt.Host
	image  virt.VolumeRef
}

func newHypervisor(ctx context.Context, t *testing.T) *hypervisor {
	t.Helper()
	store, err := artifact.Open()
	must(t, err)
	image, err := guest.Ensure(ctx, store)
	must(t, err)
	h := &hypervisor{}
	h.daemon, err = libvirtd.Start(ctx)
	must(t, err)
	t.Cleanup(func() { noError(t, h.daemon.Close()) })
	connections := libvirt.NewPool(libvirt.Limits{})
	t.Cleanup(func() { noError(t, connections.Close()) })
	// emulation works everywhere, and finding out whether KVM does takes longer than it would save
	h.host, err = connections.Host(ctx, virt.Target{Name: "host", URI: h.daemon.URI(), Accelerator: virt.AcceleratorTCG})
	must(t, err)
	cache, err := imagecache.New(imagecache.Options{Dir: filepath.Join(t.TempDir(), "images"), FileRoot: filepath.Dir(image.Path)})
	must(t, err)
	volume, err := cache.Ensure(ctx, h.host, imagecache.Request{Host: "host", Pool: libvirtd.Pool, URL: "file://" + image.Path, SHA256: image.SHA256})
	must(t, err)
	h.image = volume.VolumeRef
	return h
}

// machine is a guest that was started.
type machine struct {
	*hypervisor
	spec virt.DomainSpec
}

// start makes volumes and domain as the controller of LibvirtMachines does.
func (h *hypervisor) start(ctx context.Context, t *testing.T, n node, ignition []byte) *machine {
	t.Helper()
	ref := func(name string) virt.VolumeRef { return virt.VolumeRef{Pool: libvirtd.Pool, Name: n.uuid + name} }
	root, data, scratch, config := ref("-root.qcow2"), ref("-"+dataDisk+".qcow2"), ref("-"+scratchDisk+".qcow2"), ref(".ign")
	_, err := h.host.CreateVolume(ctx, virt.VolumeSpec{VolumeRef: root, Format: virt.VolumeQCOW2, Backing: &h.image, Private: true})
	must(t, err)
	_, err = h.host.CreateVolume(ctx, virt.VolumeSpec{VolumeRef: data, Format: virt.VolumeQCOW2, CapacityBytes: 10 << 30, Private: true})
	must(t, err)
	_, err = h.host.CreateVolume(ctx, virt.VolumeSpec{VolumeRef: scratch, Format: virt.VolumeQCOW2, CapacityBytes: 1 << 30, Private: true})
	must(t, err)
	spec := virt.VolumeSpec{VolumeRef: config, Format: virt.VolumeRaw, CapacityBytes: int64(len(ignition)), Private: true}
	_, err = h.host.WriteVolume(ctx, spec, bytes.NewReader(ignition), int64(len(ignition)))
	must(t, err)
	m := &machine{hypervisor: h, spec: virt.DomainSpec{
		UUID: n.uuid, Name: "default-" + n.name, Owner: virt.Owner{UID: n.uuid, Cluster: "demo", Namespace: "default", Name: n.name},
		VCPUs: 2, MemoryBytes: 2 << 30, FirmwareConfig: &config,
		Disks:      []virt.Disk{{Volume: root, Serial: "root"}, {Volume: data, Serial: dataDisk}, {Volume: scratch, Serial: scratchDisk}},
		Interfaces: []virt.Interface{{MAC: n.mac, Bridge: libvirtd.Bridge}, {MAC: n.secondMAC(), Bridge: libvirtd.Bridge}},
	}}
	_, err = h.host.DefineDomain(ctx, m.spec)
	must(t, err)
	must(t, h.host.StartDomain(ctx, n.uuid, m.spec.Owner))
	return m
}

// await returns what the guest reports of itself.
func (m *machine) await(ctx context.Context, t *testing.T) report {
	t.Helper()
	path := m.daemon.Path(domainxml.ConsoleLogPath(m.spec.Name))
	ticker := time.NewTicker(consoleEvery)
	defer ticker.Stop()
	for {
		console, _ := os.ReadFile(path) // QEMU makes it
		got, err := decode(console)
		if err == nil {
			return got
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("the guest reports nothing: %v; its console ends with:\n%s", err, console[max(0, len(console)-tailSize):])
		}
	}
}

// remove takes the machine away; nothing of it may stay.
func (m *machine) remove(ctx context.Context, t *testing.T) {
	t.Helper()
	must(t, m.host.RemoveDomain(ctx, m.spec.UUID, m.spec.Owner))
	for _, d := range m.spec.Disks {
		must(t, m.host.DeleteVolume(ctx, d.Volume))
	}
	must(t, m.host.DeleteVolume(ctx, *m.spec.FirmwareConfig))
}

// expectNothingLeft looks for more than the image and the marker beside it.
func (h *hypervisor) expectNothingLeft(ctx context.Context, t *testing.T) {
	t.Helper()
	volumes, err := h.host.ListVolumes(ctx, libvirtd.Pool)
	must(t, err)
	domains, err := h.host.ListDomains(ctx)
	must(t, err)
	if len(volumes) != 2 || len(domains) != 0 {
		t.Errorf("left over: domains %v, volumes %v", domains, volumes)
	}
}

func newUUID() string { return uuid.NewString() }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}
