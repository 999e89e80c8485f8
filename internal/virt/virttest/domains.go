// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package virttest

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

func (s *suite) testDomains(t *testing.T) {
	t.Run("an absent domain is not found, and no error to remove", func(t *testing.T) {
		id := uuid.NewString()
		owner := virt.Owner{UID: id}
		_, err := s.Host.Domain(s.ctx(t), id)
		wantErr(t, "read", err, virt.ErrNotFound)
		wantErr(t, "start", s.Host.StartDomain(s.ctx(t), id, owner), virt.ErrNotFound)
		wantErr(t, "remove firmware configuration", s.Host.RemoveFirmwareConfig(s.ctx(t), id, owner), virt.ErrNotFound)
		if err := s.Host.RemoveDomain(s.ctx(t), id, owner); err != nil {
			t.Errorf("remove: %v", err)
		}
	})
	t.Run("a defined domain is seen as it was asked for", s.testDefine)
	t.Run("a definition is never changed", func(t *testing.T) {
		spec := s.spec(t, "fixed")
		first := s.define(t, spec)
		spec.VCPUs, spec.MemoryBytes = 2, 128*mib
		second := s.define(t, spec)
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("second definition changed the domain:\n%s", diff)
		}
	})
	t.Run("nonsense is invalid", func(t *testing.T) {
		for name, change := range map[string]func(*virt.DomainSpec){
			"no memory":     func(d *virt.DomainSpec) { d.MemoryBytes = 0 },
			"no CPU":        func(d *virt.DomainSpec) { d.VCPUs = 0 },
			"no owner":      func(d *virt.DomainSpec) { d.Owner = virt.Owner{} },
			"no UUID":       func(d *virt.DomainSpec) { d.UUID = "" },
			"broken UUID":   func(d *virt.DomainSpec) { d.UUID = "not-a-uuid" },
			"long serial":   func(d *virt.DomainSpec) { d.Disks[0].Serial = "serial-longer-than-twenty" },
			"no name":       func(d *virt.DomainSpec) { d.Name = "" },
			"slash in name": func(d *virt.DomainSpec) { d.Name += "/x" },
		} {
			t.Run(name, func(t *testing.T) {
				spec := s.spec(t, "nonsense")
				change(&spec)
				_, err := s.Host.DefineDomain(s.ctx(t), spec)
				wantErr(t, "define", err, virt.ErrInvalid)
			})
		}
	})
}

func (s *suite) testDefine(t *testing.T) {
	// Volumes first: cleanups run backwards, and a volume is kept while a domain names it.
	data := s.empty(t, "odd-data", 8*mib)
	config := s.raw(t, "odd-config", []byte("{}"))
	spec := s.spec(t, "odd: a.b_c, <&> 'q' \"d\" größe")
	spec.Disks = append(spec.Disks, virt.Disk{Volume: data.VolumeRef, Serial: "data"})
	spec.FirmwareConfig = &config.VolumeRef
	d := s.define(t, spec)

	root, err := s.Host.Volume(s.ctx(t), spec.Disks[0].Volume)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(d.ConsoleLog, spec.Name) {
		t.Errorf("console log %q is not the domain's own", d.ConsoleLog)
	}
	want := virt.Domain{
		UUID: spec.UUID, Name: spec.Name, Owner: spec.Owner, State: virt.DomainShutOff, VCPUs: 1, MemoryBytes: 64 * mib,
		HasFirmwareConfig: true, DiskPaths: []string{root.Path, data.Path}, ConsoleLog: d.ConsoleLog,
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("defined domain differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, s.observe(t, spec)); diff != "" {
		t.Errorf("observed domain differs (-want +got):\n%s", diff)
	}
	s.wantListedDomain(t, want)
}

func (s *suite) wantListedDomain(t *testing.T, want virt.Domain) {
	t.Helper()
	list, err := s.Host.ListDomains(s.ctx(t))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(d virt.Domain) bool { return d.UUID == want.UUID })
	if i < 0 {
		t.Fatalf("domain %q is not listed", want.Name)
	}
	if diff := cmp.Diff(want, list[i]); diff != "" {
		t.Errorf("listed domain differs (-want +got):\n%s", diff)
	}
}

func (s *suite) testOwnership(t *testing.T) {
	config := s.raw(t, "owned-config", []byte("{}"))
	spec := s.spec(t, "owned")
	spec.FirmwareConfig = &config.VolumeRef
	mine := s.define(t, spec)
	thief := virt.Owner{UID: uuid.NewString(), Cluster: spec.Owner.Cluster, Namespace: spec.Owner.Namespace, Name: spec.Owner.Name}

	t.Run("somebody else's domain is not touched", func(t *testing.T) {
		renamed, restored := spec.Owner, spec.Owner
		renamed.Name, restored.Namespace = "copy", "elsewhere"
		for _, owner := range []virt.Owner{thief, {}, renamed, restored, {UID: spec.UUID}} {
			wantErr(t, "start", s.Host.StartDomain(s.ctx(t), spec.UUID, owner), virt.ErrNotOwned)
			wantErr(t, "remove firmware configuration", s.Host.RemoveFirmwareConfig(s.ctx(t), spec.UUID, owner), virt.ErrNotOwned)
			wantErr(t, "remove", s.Host.RemoveDomain(s.ctx(t), spec.UUID, owner), virt.ErrNotOwned)
		}
		if diff := cmp.Diff(mine, s.observe(t, spec)); diff != "" {
			t.Errorf("domain changed:\n%s", diff)
		}
	})
	t.Run("a UUID that is taken is somebody else's", func(t *testing.T) {
		other := spec
		other.Owner, other.Name = thief, spec.Name+"-2"
		_, err := s.Host.DefineDomain(s.ctx(t), other)
		wantErr(t, "define", err, virt.ErrNotOwned)
	})
	t.Run("a name that is taken is somebody else's", func(t *testing.T) {
		other := spec
		other.Owner, other.UUID = thief, thief.UID
		s.cleanup(t, func(ctx context.Context) error { return s.Host.RemoveDomain(ctx, other.UUID, thief) })
		_, err := s.Host.DefineDomain(s.ctx(t), other)
		wantErr(t, "define", err, virt.ErrNotOwned)
	})
	t.Run("the cluster of the owner proves nothing and may change, its name tells a copy", func(t *testing.T) {
		renamed, copied := spec, spec
		renamed.Owner.Cluster, copied.Owner.Namespace = "renamed", "restored"
		if _, err := s.Host.DefineDomain(s.ctx(t), renamed); err != nil {
			t.Errorf("define: %v", err)
		}
		_, err := s.Host.DefineDomain(s.ctx(t), copied)
		wantErr(t, "define copy", err, virt.ErrNotOwned)
	})
	if s.UnownedDomain != "" {
		t.Run("a domain without our metadata is listed and left alone", s.testUnownedDomain)
	}
}

func (s *suite) testUnownedDomain(t *testing.T) {
	list, err := s.Host.ListDomains(s.ctx(t))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(d virt.Domain) bool { return d.UUID == s.UnownedDomain })
	if i < 0 {
		t.Fatal("domain of another owner is not listed")
	}
	if list[i].Owner != (virt.Owner{}) {
		t.Errorf("domain of another owner has owner %+v", list[i].Owner)
	}
	for _, owner := range []virt.Owner{{UID: s.UnownedDomain}, {}} {
		wantErr(t, "start", s.Host.StartDomain(s.ctx(t), s.UnownedDomain, owner), virt.ErrNotOwned)
		wantErr(t, "remove firmware configuration", s.Host.RemoveFirmwareConfig(s.ctx(t), s.UnownedDomain, owner), virt.ErrNotOwned)
		wantErr(t, "remove", s.Host.RemoveDomain(s.ctx(t), s.UnownedDomain, owner), virt.ErrNotOwned)
	}
	spec := s.spec(t, "squatter")
	spec.UUID = s.UnownedDomain
	spec.Owner.UID = s.UnownedDomain
	_, err = s.Host.DefineDomain(s.ctx(t), spec)
	wantErr(t, "define with its UUID", err, virt.ErrNotOwned)
}

func (s *suite) testGuests(t *testing.T) {
	t.Run("the firmware configuration of a running guest is removed while it runs, and it starts again without it", s.testRemoveFirmwareConfig)
	t.Run("a running guest is removed", func(t *testing.T) {
		spec := s.spec(t, "removed")
		s.define(t, spec)
		s.start(t, spec)
		for range 2 {
			if err := s.Host.RemoveDomain(s.ctx(t), spec.UUID, spec.Owner); err != nil {
				t.Fatal(err)
			}
		}
		_, err := s.Host.Domain(s.ctx(t), spec.UUID)
		wantErr(t, "read removed domain", err, virt.ErrNotFound)
		if err := s.Host.DeleteVolume(s.ctx(t), spec.Disks[0].Volume); err != nil {
			t.Errorf("delete disk of removed domain: %v", err)
		}
	})
}

func (s *suite) testRemoveFirmwareConfig(t *testing.T) {
	config := s.raw(t, "unconfigured-config", []byte(`{"ignition":{"version":"3.2.0"}}`))
	spec := s.spec(t, "unconfigured")
	spec.FirmwareConfig = &config.VolumeRef
	s.define(t, spec)
	s.start(t, spec)
	s.start(t, spec) // a running one is left alone
	if d := s.observe(t, spec); d.State != virt.DomainRunning || !d.HasFirmwareConfig {
		t.Errorf("started domain is %+v", d)
	}
	s.wantMode(t, config, privateMode) // the hypervisor gives the file to QEMU's user
	if again := s.define(t, spec); again.State != virt.DomainRunning {
		t.Errorf("defining again stopped the domain: %+v", again)
	}
	for range 2 {
		if err := s.Host.RemoveFirmwareConfig(s.ctx(t), spec.UUID, spec.Owner); err != nil {
			t.Fatal(err)
		}
	}
	d := s.observe(t, spec)
	if d.State != virt.DomainRunning || d.HasFirmwareConfig || d.Owner != spec.Owner || len(d.DiskPaths) != 1 {
		t.Errorf("domain without configuration is %+v", d)
	}
	if err := s.Host.DeleteVolume(s.ctx(t), config.VolumeRef); err != nil {
		t.Fatalf("delete removed configuration: %v", err)
	}
	wantErr(t, "delete disk", s.Host.DeleteVolume(s.ctx(t), spec.Disks[0].Volume), virt.ErrInUse)
	if err := s.PowerOff(s.ctx(t), spec.UUID); err != nil {
		t.Fatal(err)
	}
	if d := s.observe(t, spec); d.State != virt.DomainShutOff || d.HasFirmwareConfig {
		t.Errorf("domain after power-off is %+v", d)
	}
	s.start(t, spec)
	if d := s.observe(t, spec); d.State != virt.DomainRunning {
		t.Errorf("domain after cold start is %+v", d)
	}
}

// testContexts shows that no call blocks beyond its context, and that what a broken transfer left is removed.
func (s *suite) testContexts(t *testing.T) {
	t.Run("an ended context ends a call", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Host.ListDomains(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, virt.ErrUnreachable) {
			t.Errorf("list domains: %v", err)
		}
		if _, err := s.Host.ListDomains(s.ctx(t)); err != nil {
			t.Errorf("the next call is hurt: %v", err)
		}
	})
	t.Run("a source that hangs does not hold the call", func(t *testing.T) {
		hang, release := io.Pipe()
		defer release.Close()
		ref := s.ref(t, "hanging")
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err := s.Host.WriteVolume(ctx, virt.VolumeSpec{VolumeRef: ref, Format: virt.VolumeRaw}, hang, mib)
		if err == nil {
			t.Error("write of a source that hangs succeeded")
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("write took %s", took)
		}
		_, err = s.Host.Volume(s.ctx(t), ref)
		wantErr(t, "read what is left", err, virt.ErrNotFound)
	})
}
