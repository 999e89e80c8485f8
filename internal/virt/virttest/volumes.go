// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package virttest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

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

func (s *suite) testWriteVolume(t *testing.T) {
	t.Run("what is written is what is stored", func(t *testing.T) {
		content := bytes.Repeat([]byte("ignition "), 50_001)
		v := s.raw(t, "content", content)
		s.wantContent(t, v, content)
		if v.PhysicalBytes < int64(len(content)) || v.CapacityBytes < int64(len(content)) {
			t.Errorf("volume is %+v, content has %d bytes", v, len(content))
		}
	})
	t.Run("an image shows its virtual size", func(t *testing.T) {
		image := QCOW2(48 * mib)
		spec := virt.VolumeSpec{VolumeRef: s.ref(t, "image"), Format: virt.VolumeQCOW2}
		// One byte at a time would take minutes over RPC; halves still show that short reads are not the end.
		v, err := s.Host.WriteVolume(s.ctx(t), spec, iotest.HalfReader(bytes.NewReader(image)), int64(len(image)))
		if err != nil {
			t.Fatal(err)
		}
		if v.CapacityBytes != 48*mib || v.Format != virt.VolumeQCOW2 {
			t.Errorf("written volume is %+v", v)
		}
		s.wantListed(t, v)
		s.wantContent(t, v, image)
		overlay := s.create(t, virt.VolumeSpec{
			VolumeRef: s.ref(t, "image-overlay"), Format: virt.VolumeQCOW2, Backing: &v.VolumeRef, CapacityBytes: 64 * mib,
		})
		if overlay.CapacityBytes != 64*mib || overlay.BackingPath != v.Path {
			t.Errorf("overlay is %+v", overlay)
		}
	})
	t.Run("a name that is taken stays as it is", func(t *testing.T) {
		v := s.raw(t, "taken", []byte("first"))
		spec := virt.VolumeSpec{VolumeRef: v.VolumeRef, Format: virt.VolumeRaw}
		_, err := s.Host.WriteVolume(s.ctx(t), spec, bytes.NewReader([]byte("other")), 5)
		wantErr(t, "write again", err, virt.ErrExists)
		s.wantContent(t, v, []byte("first"))
	})
	t.Run("a failing source leaves nothing", s.testFailingSource)
	t.Run("what is being written takes ever more of the disk", s.testGrowth)
}

// anyAllocation: file systems allocate when they like.
var anyAllocation = cmpopts.IgnoreFields(virt.Volume{}, "AllocatedBytes")

// testGrowth is what tells a volume that somebody writes from the ruin of one.
func (s *suite) testGrowth(t *testing.T) {
	const part, parts = 4 * mib, 3
	content, feed := io.Pipe()
	spec := virt.VolumeSpec{VolumeRef: s.ref(t, "growing"), Format: virt.VolumeRaw}
	written := make(chan error, 1)
	go func() {
		_, err := s.Host.WriteVolume(s.ctx(t), spec, content, parts*part)
		written <- err
	}()
	random := rand.NewChaCha8([32]byte{})
	for i := range parts {
		if _, err := io.CopyN(feed, random, part); err != nil {
			t.Fatal(err)
		}
		if i == parts-1 {
			break // it is done with the last byte
		}
		// the host may lag behind by what is on its way
		for least, deadline := int64(i)*part+part/2, time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
			v, err := s.Host.Volume(s.ctx(t), spec.VolumeRef)
			if err == nil && v.AllocatedBytes >= least && v.AllocatedBytes < parts*part {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("after %d bytes the volume is %+v, error %v", int64(i+1)*part, v, err)
			}
		}
	}
	_ = feed.Close()
	if err := <-written; err != nil {
		t.Fatal(err)
	}
}

func (s *suite) wantContent(t *testing.T, v virt.Volume, want []byte) {
	t.Helper()
	got, err := s.ReadVolume(s.ctx(t), v)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("volume %q holds %d bytes, want %d equal ones", v.Name, len(got), len(want))
	}
}

func (s *suite) testFailingSource(t *testing.T) {
	broken := errors.New("source broke")
	ref := s.ref(t, "broken")
	spec := virt.VolumeSpec{VolumeRef: ref, Format: virt.VolumeRaw}
	for _, c := range []struct {
		name    string
		content io.Reader
		size    int64
		want    error
	}{
		{"it fails at once", iotest.ErrReader(broken), mib, broken},
		{"it fails half-way", io.MultiReader(bytes.NewReader(make([]byte, mib/2)), iotest.ErrReader(broken)), mib, broken},
		{"it ends early", bytes.NewReader(make([]byte, mib/2)), mib, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := s.Host.WriteVolume(s.ctx(t), spec, c.content, c.size)
			if err == nil || (c.want != nil && !errors.Is(err, c.want)) {
				t.Errorf("write: error is %v, want %v", err, c.want)
			}
			_, err = s.Host.Volume(s.ctx(t), ref)
			wantErr(t, "read what is left", err, virt.ErrNotFound)
		})
	}
	_, err := s.Host.WriteVolume(s.ctx(t), virt.VolumeSpec{
		VolumeRef: virt.VolumeRef{Pool: s.prefix + "-absent", Name: "v"}, Format: virt.VolumeRaw,
	}, bytes.NewReader([]byte("x")), 1)
	wantErr(t, "write to absent pool", err, virt.ErrNoPool)
}

func (s *suite) testReadVolume(t *testing.T) {
	const limit = 512
	read := func(ref virt.VolumeRef) []byte {
		t.Helper()
		start, err := s.Host.ReadVolume(s.ctx(t), ref, limit)
		if err != nil {
			t.Fatal(err)
		}
		return start
	}
	long := bytes.Repeat([]byte("0123456789abcdef"), 100)
	for name, content := range map[string][]byte{"long": long, "exact": long[:limit], "short": []byte("short")} {
		if diff := cmp.Diff(content[:min(limit, len(content))], read(s.raw(t, name, content).VolumeRef)); diff != "" {
			t.Errorf("start of %s volume (-want +got):\n%s", name, diff)
		}
	}
	base := s.empty(t, "read-base", 8*mib)
	overlay := s.create(t, virt.VolumeSpec{VolumeRef: s.ref(t, "read-overlay"), Format: virt.VolumeQCOW2, Backing: &base.VolumeRef})
	for _, image := range []virt.Volume{base, overlay} {
		start, be := read(image.VolumeRef), binary.BigEndian
		if len(start) != limit || string(start[:4]) != "QFI\xfb" || int64(be.Uint64(start[24:])) != 8*mib {
			t.Fatalf("image begins with %d bytes %x", len(start), start[:min(len(start), 32)])
		}
		if isOverlay := be.Uint64(start[8:]) != 0; isOverlay != (image.BackingPath != "") {
			t.Errorf("volume %q: header tells of a backing file: %t", image.Name, isOverlay)
		}
	}
	_, err := s.Host.ReadVolume(s.ctx(t), s.ref(t, "read-absent"), limit)
	wantErr(t, "read absent volume", err, virt.ErrNotFound)
	_, err = s.Host.ReadVolume(s.ctx(t), virt.VolumeRef{Pool: s.prefix + "-absent", Name: "v"}, limit)
	wantErr(t, "read in absent pool", err, virt.ErrNoPool)
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
