// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package virttest

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

func (s *suite) testInventory(t *testing.T) {
	ctx := s.ctx(t)
	facts, err := s.Host.Facts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if facts.CPUs < 1 || facts.MemoryBytes < 128*mib || facts.Architecture == "" || facts.LibvirtVersion == "" {
		t.Errorf("facts are incomplete: %+v", facts)
	}
	pool, err := s.Host.Pool(ctx, s.Pool)
	if err != nil {
		t.Fatal(err)
	}
	if pool.Name != s.Pool || pool.Path == "" || pool.AvailableBytes <= 0 || pool.AvailableBytes > pool.CapacityBytes {
		t.Errorf("pool is incomplete: %+v", pool)
	}
	_, err = s.Host.Pool(ctx, s.prefix+"-absent")
	wantErr(t, "read an absent pool", err, virt.ErrNoPool)

	up, err := s.Host.HasInterface(ctx, s.Bridge)
	switch {
	case errors.Is(err, virt.ErrUnsupported): // hypervisors without the interface driver
	case err != nil || !up:
		t.Errorf("bridge %q: up is %t, error is %v", s.Bridge, up, err)
	default:
		if up, err := s.Host.HasInterface(ctx, "virttestabsent"); err != nil || up {
			t.Errorf("absent interface: up is %t, error is %v", up, err)
		}
	}
}

func (s *suite) testVolumes(t *testing.T) {
	t.Run("an absent volume or pool is not found", func(t *testing.T) {
		_, err := s.Host.Volume(s.ctx(t), s.ref(t, "absent"))
		wantErr(t, "read absent volume", err, virt.ErrNotFound)
		absent := virt.VolumeRef{Pool: s.prefix + "-absent", Name: "v"}
		_, err = s.Host.Volume(s.ctx(t), absent)
		wantErr(t, "read volume of absent pool", err, virt.ErrNoPool)
		wantErr(t, "delete volume of absent pool", s.Host.DeleteVolume(s.ctx(t), absent), virt.ErrNoPool)
		_, err = s.Host.ListVolumes(s.ctx(t), absent.Pool)
		wantErr(t, "list absent pool", err, virt.ErrNoPool)
		_, err = s.Host.CreateVolume(s.ctx(t), virt.VolumeSpec{
			VolumeRef: absent, Format: virt.VolumeQCOW2, CapacityBytes: mib,
		})
		wantErr(t, "create in absent pool", err, virt.ErrNoPool)
		_, err = s.Host.CreateVolume(s.ctx(t), virt.VolumeSpec{
			VolumeRef: s.ref(t, "orphan"), Format: virt.VolumeQCOW2, Backing: &virt.VolumeRef{Pool: s.Pool, Name: s.prefix + "-no"},
		})
		wantErr(t, "create on absent backing", err, virt.ErrNotFound)
	})
	t.Run("a new volume is seen by name and in the list", s.testCreate)
	t.Run("odd characters in names survive", s.testOddVolumeNames)
	t.Run("overlays and copies are never smaller than their origin", s.testDerived)
	t.Run("contradictions are invalid", func(t *testing.T) {
		base := s.empty(t, "contradiction", 8*mib).VolumeRef
		ref := s.ref(t, "both")
		_, err := s.Host.CreateVolume(s.ctx(t), virt.VolumeSpec{
			VolumeRef: ref, Format: virt.VolumeQCOW2, Backing: &base, Source: &base,
		})
		wantErr(t, "backing and source", err, virt.ErrInvalid)
		_, err = s.Host.CreateVolume(s.ctx(t), virt.VolumeSpec{VolumeRef: ref, Format: virt.VolumeQCOW2})
		wantErr(t, "no capacity", err, virt.ErrInvalid)
		slash := virt.VolumeRef{Pool: s.Pool, Name: s.prefix + "/slash"}
		_, err = s.Host.CreateVolume(s.ctx(t), virt.VolumeSpec{VolumeRef: slash, Format: virt.VolumeQCOW2, CapacityBytes: mib})
		wantErr(t, "slash in name", err, virt.ErrInvalid)
	})
}

func (s *suite) testCreate(t *testing.T) {
	v := s.empty(t, "new", 32*mib)
	if v.CapacityBytes != 32*mib || v.Format != virt.VolumeQCOW2 || v.Path == "" || v.BackingPath != "" {
		t.Errorf("created volume is %+v", v)
	}
	seen, err := s.Host.Volume(s.ctx(t), v.VolumeRef)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(v, seen, anyAllocation); diff != "" {
		t.Errorf("CreateVolume and Volume differ:\n%s", diff)
	}
	s.wantListed(t, v)
	_, err = s.Host.CreateVolume(s.ctx(t), virt.VolumeSpec{
		VolumeRef: v.VolumeRef, Format: virt.VolumeQCOW2, CapacityBytes: 64 * mib,
	})
	wantErr(t, "create again", err, virt.ErrExists)
	if again, err := s.Host.Volume(s.ctx(t), v.VolumeRef); err != nil || again.CapacityBytes != 32*mib {
		t.Errorf("second create changed the volume: %+v, %v", again, err)
	}
	r := s.create(t, virt.VolumeSpec{VolumeRef: s.ref(t, "newraw"), Format: virt.VolumeRaw, CapacityBytes: 4 * mib})
	if r.CapacityBytes != 4*mib || r.Format != virt.VolumeRaw {
		t.Errorf("created raw volume is %+v", r)
	}
}

func (s *suite) wantListed(t *testing.T, want virt.Volume) {
	t.Helper()
	list, err := s.Host.ListVolumes(s.ctx(t), s.Pool)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(v virt.Volume) bool { return v.VolumeRef == want.VolumeRef })
	if i < 0 {
		t.Fatalf("volume %q is not listed", want.Name)
	}
	if diff := cmp.Diff(want, list[i], anyAllocation); diff != "" {
		t.Errorf("listed volume differs:\n%s", diff)
	}
}

func (s *suite) testOddVolumeNames(t *testing.T) {
	for _, name := range []string{"dots.and_under-score:colon", "space and & <angle> 'quote' \"double\"", "größe,comma=%20$HOME"} {
		v := s.empty(t, name, mib)
		seen, err := s.Host.Volume(s.ctx(t), v.VolumeRef)
		if err != nil || seen.Name != v.Name {
			t.Errorf("volume %q reads as %+v, %v", v.Name, seen, err)
		}
		overlay := s.create(t, virt.VolumeSpec{
			VolumeRef: s.ref(t, name+"-overlay"), Format: virt.VolumeQCOW2, Backing: &v.VolumeRef,
		})
		if overlay.BackingPath != v.Path {
			t.Errorf("overlay stands on %q, want %q", overlay.BackingPath, v.Path)
		}
	}
}

func (s *suite) testDerived(t *testing.T) {
	base := s.empty(t, "base", 32*mib)
	for _, c := range []struct {
		name        string
		asked, want int64
	}{
		{"the origin's size when none is asked", 0, 32 * mib},
		{"the origin's size when less is asked", 8 * mib, 32 * mib},
		{"more than the origin", 80 * mib, 80 * mib},
	} {
		t.Run(c.name, func(t *testing.T) {
			overlay := s.create(t, virt.VolumeSpec{
				VolumeRef: s.ref(t, "overlay"), Format: virt.VolumeQCOW2, CapacityBytes: c.asked, Backing: &base.VolumeRef,
			})
			if overlay.CapacityBytes != c.want || overlay.BackingPath != base.Path {
				t.Errorf("overlay is %+v, want %d bytes on %q", overlay, c.want, base.Path)
			}
			s.wantListed(t, overlay)
			full := s.create(t, virt.VolumeSpec{
				VolumeRef: s.ref(t, "copy"), Format: virt.VolumeQCOW2, CapacityBytes: c.asked, Source: &base.VolumeRef,
			})
			if full.CapacityBytes != c.want || full.BackingPath != "" {
				t.Errorf("copy is %+v, want %d bytes without backing", full, c.want)
			}
			if seen, err := s.Host.Volume(s.ctx(t), full.VolumeRef); err != nil || seen.CapacityBytes != c.want {
				t.Errorf("copy reads as %+v, %v", seen, err)
			}
		})
	}
}

func (s *suite) testDeleteVolume(t *testing.T) {
	t.Run("deleting twice is no error", func(t *testing.T) {
		v := s.empty(t, "gone", mib)
		for range 2 {
			if err := s.Host.DeleteVolume(s.ctx(t), v.VolumeRef); err != nil {
				t.Fatal(err)
			}
		}
		_, err := s.Host.Volume(s.ctx(t), v.VolumeRef)
		wantErr(t, "read deleted volume", err, virt.ErrNotFound)
	})
	t.Run("a base stays as long as something stands on it", func(t *testing.T) {
		base := s.empty(t, "kept-base", mib)
		overlay := s.create(t, virt.VolumeSpec{
			VolumeRef: s.ref(t, "kept-overlay"), Format: virt.VolumeQCOW2, Backing: &base.VolumeRef,
		})
		wantErr(t, "delete base", s.Host.DeleteVolume(s.ctx(t), base.VolumeRef), virt.ErrInUse)
		if _, err := s.Host.Volume(s.ctx(t), base.VolumeRef); err != nil {
			t.Errorf("base is gone: %v", err)
		}
		if err := s.Host.DeleteVolume(s.ctx(t), overlay.VolumeRef); err != nil {
			t.Fatal(err)
		}
		if err := s.Host.DeleteVolume(s.ctx(t), base.VolumeRef); err != nil {
			t.Errorf("delete base without overlays: %v", err)
		}
	})
	t.Run("a volume stays as long as a domain names it", func(t *testing.T) {
		config := s.raw(t, "user-config", []byte("{}"))
		spec := s.spec(t, "user")
		spec.FirmwareConfig = &config.VolumeRef
		s.define(t, spec)
		wantErr(t, "delete disk", s.Host.DeleteVolume(s.ctx(t), spec.Disks[0].Volume), virt.ErrInUse)
		wantErr(t, "delete config", s.Host.DeleteVolume(s.ctx(t), config.VolumeRef), virt.ErrInUse)
	})
}
