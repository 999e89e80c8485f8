// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package virttest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

const (
	mib = int64(1) << 20
	// callTimeout is far above what any call takes on an emulated guest.
	callTimeout = 60 * time.Second
	cleanupTime = 2 * time.Minute
)

// Options are what the suite may use.
type Options struct {
	Host virt.Host
	// Pool is an active storage pool with at least 100 MiB left. The suite leaves it as it was.
	Pool string
	// Bridge is a bridge that is up on the host.
	Bridge string
	// ReadVolume returns the file of a volume as it is on the host.
	ReadVolume func(ctx context.Context, v virt.Volume) ([]byte, error)
	// VolumeMode returns the mode of the file of a volume as it is on the host.
	VolumeMode func(ctx context.Context, v virt.Volume) (fs.FileMode, error)
	// PowerOff ends a guest without undefining the domain.
	PowerOff func(ctx context.Context, uuid string) error
	// UnownedDomain is the UUID of a domain that somebody made without our metadata; optional.
	UnownedDomain string
}

// suite is one run on one host.
type suite struct {
	Options
	// prefix keeps runs on one host apart.
	prefix string
}

// Run tests one host. It starts three guests of 64 MiB without a system, one after the other.
func Run(t *testing.T, o Options) {
	t.Helper()
	s := &suite{Options: o, prefix: "virttest-" + uuid.NewString()[:8]}
	t.Run("Inventory", s.testInventory)
	t.Run("Volumes", s.testVolumes)
	t.Run("WriteVolume", s.testWriteVolume)
	t.Run("Modes", s.testModes)
	t.Run("ReadVolume", s.testReadVolume)
	t.Run("DeleteVolume", s.testDeleteVolume)
	t.Run("Domains", s.testDomains)
	t.Run("Ownership", s.testOwnership)
	t.Run("Guests", s.testGuests)
	t.Run("Contexts", s.testContexts)
	t.Run("leaves nothing behind", s.testLeftovers)
}

func (s *suite) ctx(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), callTimeout)
	t.Cleanup(cancel)
	return ctx
}

// cleanup runs f after the test, with a context that is still alive then.
func (s *suite) cleanup(t *testing.T, f func(ctx context.Context) error) {
	t.Helper()
	parent := context.WithoutCancel(t.Context())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(parent, cleanupTime)
		defer cancel()
		if err := f(ctx); err != nil {
			t.Errorf("cleanup: %v", err)
		}
	})
}

// ref names a volume of this run and removes it after the test.
func (s *suite) ref(t *testing.T, name string) virt.VolumeRef {
	t.Helper()
	ref := virt.VolumeRef{Pool: s.Pool, Name: s.prefix + "-" + name}
	s.cleanup(t, func(ctx context.Context) error { return s.Host.DeleteVolume(ctx, ref) })
	return ref
}

func (s *suite) create(t *testing.T, spec virt.VolumeSpec) virt.Volume {
	t.Helper()
	v, err := s.Host.CreateVolume(s.ctx(t), spec)
	if err != nil {
		t.Fatalf("create volume %q: %v", spec.Name, err)
	}
	return v
}

// empty makes an empty qcow2 volume.
func (s *suite) empty(t *testing.T, name string, capacity int64) virt.Volume {
	t.Helper()
	return s.create(t, virt.VolumeSpec{VolumeRef: s.ref(t, name), Format: virt.VolumeQCOW2, CapacityBytes: capacity})
}

// raw makes a raw volume with content.
func (s *suite) raw(t *testing.T, name string, content []byte) virt.Volume {
	t.Helper()
	spec := virt.VolumeSpec{VolumeRef: s.ref(t, name), Format: virt.VolumeRaw, Private: true}
	v, err := s.Host.WriteVolume(s.ctx(t), spec, bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatalf("write volume %q: %v", name, err)
	}
	return v
}

// spec describes a small domain with one disk and one network card; RemoveDomain is called after the test.
func (s *suite) spec(t *testing.T, name string) virt.DomainSpec {
	t.Helper()
	id := uuid.NewString()
	disk := s.empty(t, name+"-root", 16*mib)
	owner := virt.Owner{UID: id, Cluster: "c1", Namespace: "default", Name: name}
	s.cleanup(t, func(ctx context.Context) error { return s.Host.RemoveDomain(ctx, id, owner) })
	return virt.DomainSpec{
		UUID:        id,
		Name:        s.prefix + "-" + name,
		Title:       "virttest " + name,
		Owner:       owner,
		VCPUs:       1,
		MemoryBytes: 64 * mib,
		Disks:       []virt.Disk{{Volume: disk.VolumeRef, Serial: "root"}},
		Interfaces:  []virt.Interface{{MAC: macOf(id), Bridge: s.Bridge}},
	}
}

// macOf makes a locally administered address of a UUID.
func macOf(id string) string {
	u := uuid.MustParse(id)
	const hexDigits = "0123456789abcdef"
	mac := []byte("52:54:00")
	for _, b := range u[:3] {
		mac = append(mac, ':', hexDigits[b>>4], hexDigits[b&15])
	}
	return string(mac)
}

func (s *suite) define(t *testing.T, spec virt.DomainSpec) virt.Domain {
	t.Helper()
	d, err := s.Host.DefineDomain(s.ctx(t), spec)
	if err != nil {
		t.Fatalf("define domain %q: %v", spec.Name, err)
	}
	return d
}

func (s *suite) start(t *testing.T, spec virt.DomainSpec) {
	t.Helper()
	if err := s.Host.StartDomain(s.ctx(t), spec.UUID, spec.Owner); err != nil {
		t.Fatalf("start domain %q: %v", spec.Name, err)
	}
}

func (s *suite) observe(t *testing.T, spec virt.DomainSpec) virt.Domain {
	t.Helper()
	d, err := s.Host.Domain(s.ctx(t), spec.UUID)
	if err != nil {
		t.Fatalf("observe domain %q: %v", spec.Name, err)
	}
	return d
}

// wantErr asserts that err is want, and no other sentinel of package virt but those that want stands for too.
func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error is %v, want %v", what, err, want)
		return
	}
	for _, other := range sentinels {
		if other != want && errors.Is(err, other) && !errors.Is(want, other) {
			t.Errorf("%s: error %v is also %v", what, err, other)
		}
	}
}

var sentinels = []error{
	virt.ErrNotFound, virt.ErrNoPool, virt.ErrExists, virt.ErrNotOwned, virt.ErrUnreachable, virt.ErrAuthentication, virt.ErrBusy,
	virt.ErrInUse, virt.ErrInvalid, virt.ErrNoSpace, virt.ErrUnsupported,
}

func (s *suite) testLeftovers(t *testing.T) {
	volumes, err := s.Host.ListVolumes(s.ctx(t), s.Pool)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range volumes {
		if len(v.Name) >= len(s.prefix) && v.Name[:len(s.prefix)] == s.prefix {
			t.Errorf("volume %q is left", v.Name)
		}
	}
	domains, err := s.Host.ListDomains(s.ctx(t))
	if err != nil {
		t.Fatal(err)
	}
	left := slices.DeleteFunc(domains, func(d virt.Domain) bool {
		return len(d.Name) < len(s.prefix) || d.Name[:len(s.prefix)] != s.prefix
	})
	for _, d := range left {
		t.Errorf("domain %q is left", d.Name)
	}
}
