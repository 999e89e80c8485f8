// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package virttest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

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

// testGrowth shows what distinguishes a volume that is being written from an abandoned one.
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
