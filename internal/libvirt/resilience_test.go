// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	rpc "github.com/digitalocean/go-libvirt"
	"github.com/google/uuid"
	"libvirt.org/go/libvirtxml"

	"github.com/altcos/cluster-api-provider-altcos/internal/libvirt/transport"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/libvirtd"
)

// impatience finds a host that hangs in a time that a test can wait.
var impatience = Limits{
	Dial: time.Second, Call: time.Second, ProbeInterval: 200 * time.Millisecond, Probe: 300 * time.Millisecond,
	Stall: 500 * time.Millisecond, Cleanup: time.Second, Remember: time.Millisecond,
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

// awaitEvent reads events until one equals want.
func awaitEvent(t *testing.T, p *Pool, want virt.Event) {
	t.Helper()
	limit := time.After(10 * time.Second)
	for {
		select {
		case event := <-p.Events():
			if event == want {
				return
			}
		case <-limit:
			t.Fatalf("no event %+v", want)
		}
	}
}

func minimalSpec() virt.DomainSpec {
	id := uuid.NewString()
	return virt.DomainSpec{
		UUID: id, Name: "resilience-" + id[:8], Owner: virt.Owner{UID: id}, VCPUs: 1, MemoryBytes: 64 << 20,
	}
}

func define(t *testing.T, h virt.Host, spec virt.DomainSpec) virt.Domain {
	t.Helper()
	d, err := h.DefineDomain(deadline(t, 20*time.Second), spec)
	assert.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if err := h.RemoveDomain(ctx, spec.UUID, spec.Owner); err != nil && !errors.Is(err, virt.ErrUnreachable) {
			t.Errorf("remove: %v", err)
		}
	})
	return d
}

func TestPool_survivesAFrozenDaemon(t *testing.T) {
	p := openPool(t, impatience)
	h := openHost(t, p)
	awaitEvent(t, p, virt.Event{Host: "h1"})
	assert.NoError(t, daemon.Freeze())
	defer func() { _ = daemon.Thaw() }()

	began := time.Now()
	_, err := h.ListDomains(deadline(t, 400*time.Millisecond))
	wantError(t, err, virt.ErrUnreachable)
	if took := time.Since(began); took > time.Second {
		t.Errorf("call took %s beyond a deadline of 400ms", took)
	}
	awaitEvent(t, p, virt.Event{Host: "h1"})
	_, err = p.Host(deadline(t, 400*time.Millisecond), target())
	wantError(t, err, virt.ErrUnreachable)

	assert.NoError(t, daemon.Thaw())
	again := openHost(t, p)
	if again.(*host).Session == h.(*host).Session {
		t.Error("a session was handed out again that gave no sign of life")
	}
	_, err = again.ListDomains(deadline(t, 5*time.Second))
	assert.NoError(t, err)
}

func TestPool_keepsASessionWhoseCallerWasImpatient(t *testing.T) {
	p := openPool(t, Limits{})
	h := openHost(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.Facts(ctx)
	wantError(t, err, virt.ErrUnreachable)
	if again := openHost(t, p); again.(*host).Session != h.(*host).Session {
		t.Error("the session was dropped although the host answers")
	}
}

func TestPool_survivesAKilledDaemon(t *testing.T) {
	p := openPool(t, impatience)
	h := openHost(t, p)
	awaitEvent(t, p, virt.Event{Host: "h1"})
	assert.NoError(t, daemon.Kill())
	awaitEvent(t, p, virt.Event{Host: "h1"})
	_, err := h.ListDomains(deadline(t, time.Second))
	wantError(t, err, virt.ErrUnreachable)
	_, err = p.Host(deadline(t, time.Second), target())
	wantError(t, err, virt.ErrUnreachable)

	assert.NoError(t, daemon.Run(deadline(t, 20*time.Second)))
	again := openHost(t, p)
	awaitEvent(t, p, virt.Event{Host: "h1"})
	d := define(t, again, minimalSpec())
	awaitEvent(t, p, virt.Event{Host: "h1", UUID: d.UUID})
}

func TestPool_aNewRevisionMakesANewSession(t *testing.T) {
	p := openPool(t, Limits{})
	h := openHost(t, p)
	changed := target()
	changed.Revision = "2"
	again, err := p.Host(deadline(t, 10*time.Second), changed)
	assert.NoError(t, err)
	if again.(*host).Session == h.(*host).Session {
		t.Error("the session of the old revision is still used")
	}
	select {
	case <-h.(*host).Done():
	case <-time.After(5 * time.Second):
		t.Error("the connection of the old revision is still open")
	}
	p.Forget("h1")
	_, err = again.ListDomains(t.Context())
	wantError(t, err, virt.ErrUnreachable)
}

func TestPool_aHostThatHangsHoldsNobodyElse(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "mute")
	listener, err := net.Listen("unix", socket)
	assert.NoError(t, err)
	defer listener.Close()
	p := openPool(t, Limits{})
	mute := virt.Target{Name: "mute", URI: "qemu+unix:///system?socket=" + socket}
	var callers sync.WaitGroup
	for range 10 {
		callers.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if _, err := p.Host(ctx, mute); !errors.Is(err, virt.ErrUnreachable) {
				t.Errorf("error is %v", err)
			}
		})
	}
	openHost(t, p)
	callers.Wait()
	// The attempt itself may still run; closing the pool in the cleanup must end it.
}

func TestPool_remembersAHostThatCannotBeReached(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "broken")
	listener, err := net.Listen("unix", socket)
	assert.NoError(t, err)
	var accepted atomic.Int32
	var server sync.WaitGroup
	server.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			_ = conn.Close()
		}
	})
	defer server.Wait()
	defer listener.Close()
	broken := virt.Target{Name: "broken", Revision: "1", URI: "qemu+unix:///system?socket=" + socket}
	for _, c := range []struct {
		remember time.Duration
		revision string
		attempts int32
	}{{time.Hour, "1", 1}, {time.Hour, "2", 2}, {time.Nanosecond, "2", 5}} {
		accepted.Store(0)
		p := openPool(t, Limits{Remember: c.remember})
		for i := range 5 {
			if i == 4 {
				broken.Revision = c.revision // other credentials may help at once
			}
			if _, err := p.Host(deadline(t, 5*time.Second), broken); !errors.Is(err, virt.ErrUnreachable) {
				t.Errorf("error is %v", err)
			}
		}
		if got := accepted.Load(); got != c.attempts {
			t.Errorf("%+v: %d attempts", c, got)
		}
	}
}

func TestPool_refusesTargetsThatCannotWork(t *testing.T) {
	p := openPool(t, Limits{})
	for name, target := range map[string]virt.Target{
		"no uri":             {Name: "x"},
		"tcp":                {Name: "x", URI: "qemu+tcp://h/system"},
		"ssh without a user": {Name: "x", URI: "qemu+ssh://h/system"},
		"ssh without keys":   {Name: "x", URI: "qemu+ssh://root@127.0.0.1/system"},
		"tls without keys":   {Name: "x", URI: "qemu+tls://127.0.0.1/system"},
	} {
		if _, err := p.Host(deadline(t, 5*time.Second), target); !errors.Is(err, virt.ErrInvalid) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

func TestHost_servesManyCallersAtOnce(t *testing.T) {
	p := openPool(t, Limits{})
	h := openHost(t, p)
	spec := minimalSpec()
	define(t, h, spec)
	var callers sync.WaitGroup
	for i := range 50 {
		callers.Go(func() {
			for range 10 {
				if err := mixedCalls(t.Context(), h, spec, fmt.Sprintf("many-%d", i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	callers.Wait()
}

func mixedCalls(ctx context.Context, h virt.Host, spec virt.DomainSpec, name string) error {
	_, domainErr := h.Domain(ctx, spec.UUID)
	_, listErr := h.ListDomains(ctx)
	_, defineErr := h.DefineDomain(ctx, spec)
	_, poolErr := h.Pool(ctx, libvirtd.Pool)
	_, volumeErr := h.Volume(ctx, virt.VolumeRef{Pool: libvirtd.Pool, Name: name})
	if errors.Is(volumeErr, virt.ErrNotFound) {
		volumeErr = nil
	}
	return errors.Join(domainErr, listErr, defineErr, poolErr, volumeErr)
}

func rawSpec(name string) virt.VolumeSpec {
	return virt.VolumeSpec{VolumeRef: virt.VolumeRef{Pool: libvirtd.Pool, Name: name}, Format: virt.VolumeRaw}
}

func wantAbsent(t *testing.T, h virt.Host, ref virt.VolumeRef) {
	t.Helper()
	_, err := h.Volume(deadline(t, 5*time.Second), ref)
	wantError(t, err, virt.ErrNotFound)
}

func TestWriteVolume_anInterruptedTransferLeavesNothing(t *testing.T) {
	h := openHost(t, openPool(t, Limits{}))
	spec := rawSpec("interrupted")
	content, half := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = half.Write(make([]byte, 4<<20))
		cancel()
		// The rest never comes, but a source notices the end of its context.
		_ = half.CloseWithError(context.Canceled)
	}()
	_, err := h.WriteVolume(ctx, spec, content, 64<<20)
	wantError(t, err, context.Canceled)
	wantAbsent(t, h, spec.VolumeRef)
}

func TestWriteVolume_noticesAHostThatTakesNothing(t *testing.T) {
	p := openPool(t, impatience)
	h := openHost(t, p)
	spec := rawSpec("stalled")
	content, rest := io.Pipe()
	go func() {
		_, _ = rest.Write(make([]byte, 1<<20))
		_ = daemon.Freeze()
		_, err := io.Copy(rest, bytes.NewReader(make([]byte, 63<<20)))
		_ = rest.CloseWithError(err)
	}()
	began := time.Now()
	_, err := h.WriteVolume(deadline(t, 30*time.Second), spec, content, 64<<20)
	_ = content.Close()
	// Not thawed: libvirtd 9.0 sometimes dies of the packets of a connection that is gone.
	assert.NoError(t, daemon.Kill())
	assert.NoError(t, daemon.Run(deadline(t, 20*time.Second)))
	wantError(t, err, virt.ErrUnreachable)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
	// The host could not be reached for the removal; the next owner of the name can remove it.
	again := openHost(t, p)
	for range 50 {
		if err = again.DeleteVolume(deadline(t, 5*time.Second), spec.VolumeRef); !errors.Is(err, virt.ErrBusy) {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	assert.NoError(t, err)
}

func TestWriteVolume_refusesImagesThatNameOtherFiles(t *testing.T) {
	h := openHost(t, openPool(t, Limits{}))
	image := make([]byte, 512)
	copy(image, "QFI\xfb")
	image[7], image[15] = 3, 104
	external := make([]byte, 512)
	copy(external, "QFI\xfb")
	external[7], external[79] = 3, 4
	for name, content := range map[string][]byte{"backing file": image, "external data": external} {
		spec := rawSpec("trap")
		_, err := h.WriteVolume(t.Context(), spec, bytes.NewReader(content), int64(len(content)))
		if !errors.Is(err, virt.ErrInvalid) {
			t.Errorf("%s: error is %v", name, err)
		}
		wantAbsent(t, h, spec.VolumeRef)
	}
}

func TestWriteVolume_refusesAContentThatIsTooLong(t *testing.T) {
	h := openHost(t, openPool(t, Limits{}))
	spec := rawSpec("long")
	_, err := h.WriteVolume(t.Context(), spec, bytes.NewReader(make([]byte, 11)), 10)
	wantError(t, err, virt.ErrInvalid)
	wantAbsent(t, h, spec.VolumeRef)
}

func TestWriteVolume_knowsAPoolThatIsTooSmall(t *testing.T) {
	h := openHost(t, openPool(t, Limits{}))
	_, err := h.WriteVolume(t.Context(), rawSpec("huge"), bytes.NewReader(nil), 1<<50)
	wantError(t, err, virt.ErrNoSpace)
}

func TestWriteVolume_tellsThatThePoolGotFull(t *testing.T) {
	h := openHost(t, openPool(t, Limits{}))
	first, second := rawSpec("first"), rawSpec("second")
	first.Pool, second.Pool = libvirtd.SmallPool, libvirtd.SmallPool
	const size = 12 << 20
	content, held := io.Pipe()
	written := make(chan error, 1)
	go func() {
		_, err := h.WriteVolume(t.Context(), first, content, size)
		written <- err
	}()
	_, err := held.Write(make([]byte, 1<<20)) // the first has been found to fit
	assert.NoError(t, err)
	_, err = h.WriteVolume(t.Context(), second, io.LimitReader(mathrand.NewChaCha8([32]byte{}), size), size)
	assert.NoError(t, err)
	go func() {
		_, _ = held.Write(make([]byte, size-1<<20))
		_ = held.Close()
	}()
	wantError(t, <-written, virt.ErrNoSpace)
	_ = content.Close()
	wantAbsent(t, h, first.VolumeRef)
	assert.NoError(t, h.DeleteVolume(t.Context(), second.VolumeRef))
}

func TestChange_aCopyWithOurMetadataIsNotOurs(t *testing.T) {
	h := openHost(t, openPool(t, Limits{})).(*host)
	spec := minimalSpec()
	define(t, h, spec)
	var definition *libvirtxml.Domain
	assert.NoError(t, h.change(t.Context(), "read", spec.UUID, spec.Owner, func(_ rpc.Domain, owned *libvirtxml.Domain) error {
		definition = owned
		return nil
	}))
	definition.UUID, definition.Name = uuid.NewString(), "copy-by-hand"
	text, err := definition.Marshal()
	assert.NoError(t, err)
	found, err := transport.Call(t.Context(), h.Session, func(c *rpc.Libvirt) (rpc.Domain, error) { return c.DomainDefineXMLFlags(text, 0) })
	assert.NoError(t, err)
	defer func() {
		assert.NoError(t, h.Do(t.Context(), time.Minute, func(c *rpc.Libvirt) error { return c.DomainUndefineFlags(found, rpc.DomainUndefineNvram) }))
	}()
	wantError(t, h.RemoveDomain(t.Context(), definition.UUID, spec.Owner), virt.ErrNotOwned)
}

// bigVolume takes so long to copy that a test can look at the copy meanwhile.
func bigVolume(t *testing.T, h virt.Host, name string) virt.VolumeRef {
	t.Helper()
	const size = 300 << 20
	spec := rawSpec(name)
	_, err := h.WriteVolume(deadline(t, time.Minute), spec, io.LimitReader(mathrand.NewChaCha8([32]byte{}), size), size)
	assert.NoError(t, err)
	t.Cleanup(func() {
		if err := h.DeleteVolume(context.WithoutCancel(t.Context()), spec.VolumeRef); err != nil {
			t.Errorf("delete: %v", err)
		}
	})
	return spec.VolumeRef
}

// awaitVolume waits until the volume is there, or no longer.
func awaitVolume(t *testing.T, h virt.Host, ref virt.VolumeRef, there bool) {
	t.Helper()
	for range 5000 {
		_, err := h.Volume(t.Context(), ref)
		if (err == nil) == there {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatalf("volume %q: there should be %t", ref.Name, there)
}

func TestCreateVolume_aCopyUnderWayIsNotUsed(t *testing.T) {
	h := openHost(t, openPool(t, Limits{}))
	source := bigVolume(t, h, "copied")
	ref := virt.VolumeRef{Pool: libvirtd.Pool, Name: "copy"}
	copied := make(chan error, 1)
	go func() {
		_, err := h.CreateVolume(t.Context(), virt.VolumeSpec{VolumeRef: ref, Format: virt.VolumeQCOW2, Source: &source})
		copied <- err
	}()
	awaitVolume(t, h, ref, true)
	spec := minimalSpec()
	spec.Disks = []virt.Disk{{Volume: ref}}
	_, err := h.DefineDomain(t.Context(), spec)
	wantError(t, err, virt.ErrBusy)
	wantError(t, h.DeleteVolume(t.Context(), ref), virt.ErrBusy)
	assert.NoError(t, <-copied)
	define(t, h, spec)
	assert.NoError(t, h.RemoveDomain(t.Context(), spec.UUID, spec.Owner))
	assert.NoError(t, h.DeleteVolume(t.Context(), ref))
}

func TestCreateVolume_aCopyThatNobodyAwaitsIsRemoved(t *testing.T) {
	h := openHost(t, openPool(t, Limits{}))
	source := bigVolume(t, h, "abandoned")
	ref := virt.VolumeRef{Pool: libvirtd.Pool, Name: "orphan"}
	spec := virt.VolumeSpec{VolumeRef: ref, Format: virt.VolumeQCOW2, Source: &source}
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := h.CreateVolume(ctx, spec)
		left <- err
	}()
	awaitVolume(t, h, ref, true)
	cancel()
	began := time.Now()
	wantError(t, <-left, virt.ErrUnreachable)
	if took := time.Since(began); took > time.Second {
		t.Errorf("the caller was held for %s", took)
	}
	_, err := h.CreateVolume(deadline(t, 50*time.Millisecond), spec)
	wantError(t, err, virt.ErrBusy)
	awaitVolume(t, h, ref, false)
}
