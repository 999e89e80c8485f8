// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package providerid_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/internal/providerid"
)

const id = "6f1d3f5e-5c0b-4d53-9a55-1f1c7a4d2e01"

func TestNew_writesWhatParseReads(t *testing.T) {
	for _, in := range []string{id, strings.ToUpper(id)} {
		text, err := providerid.New(in)
		if err != nil || text != "libvirt://"+id {
			t.Fatalf("New(%q) = %q, %v", in, text, err)
		}
		if back, err := providerid.Parse(text); err != nil || back != id {
			t.Errorf("Parse(%q) = %q, %v", text, back, err)
		}
	}
}

func TestParse_refusesWhatIsNotOurs(t *testing.T) {
	for _, in := range []string{
		"", id, "libvirt://", "libvirt:///" + id, "libvirt://host/" + id, "libvirt://17", "proxmox://" + id,
		"LIBVIRT://" + id, "libvirt://" + id + "/", "libvirt://{" + id + "}", "libvirt://" + strings.ReplaceAll(id, "-", ""),
		"libvirt://" + strings.Replace(id, "-", "0", 1), "libvirt://" + strings.Replace(id, "6", "g", 1),
	} {
		if got, err := providerid.Parse(in); !errors.Is(err, providerid.ErrInvalid) {
			t.Errorf("Parse(%q) = %q, %v", in, got, err)
		}
	}
	if _, err := providerid.New("no-uuid"); !errors.Is(err, providerid.ErrInvalid) {
		t.Errorf("New: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"libvirt://" + id, "libvirt://" + strings.ToUpper(id), "libvirt://host/" + id, ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		uuid, err := providerid.Parse(in)
		if err != nil {
			return
		}
		if !strings.EqualFold(in, providerid.Prefix+uuid) {
			t.Errorf("Parse(%q) = %q", in, uuid)
		}
		if text, err := providerid.New(uuid); err != nil || text != providerid.Prefix+uuid {
			t.Errorf("New(%q) = %q, %v", uuid, text, err)
		}
	})
}
