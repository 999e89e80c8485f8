// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package virttest

import (
	"bytes"
	"io"
	"io/fs"
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

const (
	privateMode = fs.FileMode(0o600)
	publicMode  = fs.FileMode(0o644)
)

// testModes shows who may read the files of volumes: an Ignition config is a secret from its first byte.
func (s *suite) testModes(t *testing.T) {
	base := s.empty(t, "mode-base", 8*mib).VolumeRef
	for name, kind := range map[string]virt.VolumeSpec{
		"empty":   {Format: virt.VolumeQCOW2, CapacityBytes: 8 * mib},
		"overlay": {Format: virt.VolumeQCOW2, Backing: &base},
		"copy":    {Format: virt.VolumeQCOW2, Source: &base},
	} {
		for private, want := range modes() {
			t.Run(name+" volume of mode "+want.String(), func(t *testing.T) {
				spec := kind
				spec.VolumeRef, spec.Private = s.ref(t, "mode-"+name), private
				s.wantMode(t, s.create(t, spec), want)
			})
		}
	}
	for private, want := range modes() {
		t.Run("written volume of mode "+want.String(), func(t *testing.T) {
			spec := virt.VolumeSpec{VolumeRef: s.ref(t, "mode-written"), Format: virt.VolumeRaw, Private: private}
			content := []byte("ignition")
			early := readerFunc(func([]byte) (int, error) { // the file is there before anything is in it
				v, err := s.Host.Volume(s.ctx(t), spec.VolumeRef)
				if err != nil {
					return 0, err
				}
				s.wantMode(t, v, want)
				return 0, io.EOF
			})
			v, err := s.Host.WriteVolume(s.ctx(t), spec, io.MultiReader(early, bytes.NewReader(content)), int64(len(content)))
			if err != nil {
				t.Fatal(err)
			}
			s.wantMode(t, v, want)
		})
	}
}

// modes are the modes of files by whether they are private.
func modes() map[bool]fs.FileMode { return map[bool]fs.FileMode{true: privateMode, false: publicMode} }

func (s *suite) wantMode(t *testing.T, v virt.Volume, want fs.FileMode) {
	t.Helper()
	if got, err := s.VolumeMode(s.ctx(t), v); err != nil || got.Perm() != want {
		t.Errorf("the file of volume %q has mode %s, %v; want %s", v.Name, got, err, want)
	}
}

type readerFunc func(p []byte) (int, error)

// Read implements io.Reader.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
