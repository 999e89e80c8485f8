// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fakevirt_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/virttest"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

var errInjected = errors.New("injected")

func rawSpec(name string) virt.VolumeSpec {
	return virt.VolumeSpec{
		VolumeRef: virt.VolumeRef{Pool: "default", Name: name}, Format: virt.VolumeRaw, CapacityBytes: 1 << 20,
	}
}

func domainSpec() virt.DomainSpec {
	id := uuid.NewString()
	return virt.DomainSpec{
		UUID: id, Name: "d-" + id, Owner: virt.Owner{UID: id}, VCPUs: 2, MemoryBytes: 1 << 30,
		Interfaces: []virt.Interface{{MAC: "52:54:00:00:00:01", Bridge: "br0"}},
	}
}

func TestHost_faults(t *testing.T) {
	t.Run("as many calls fail as asked, without effect", func(t *testing.T) {
		h := fakevirt.NewCloud().AddHost("h1")
		h.FailNext(fakevirt.MethodCreateVolume, 2, errInjected)
		for range 2 {
			if _, err := h.CreateVolume(t.Context(), rawSpec("v")); !errors.Is(err, errInjected) {
				t.Fatalf("error is %v", err)
			}
		}
		if _, err := h.CreateVolume(t.Context(), rawSpec("v")); err != nil {
			t.Fatal(err)
		}
		if n := h.Calls(fakevirt.MethodCreateVolume); n != 3 {
			t.Errorf("%d calls counted", n)
		}
	})
	t.Run("a crash after the effect leaves the effect", func(t *testing.T) {
		h := fakevirt.NewCloud().AddHost("h1")
		h.Inject(fakevirt.MethodAny, fakevirt.Fault{Err: errInjected, Times: 2, AfterEffect: true})
		if _, err := h.CreateVolume(t.Context(), rawSpec("v")); !errors.Is(err, errInjected) {
			t.Fatalf("error is %v", err)
		}
		spec := rawSpec("w")
		if _, err := h.WriteVolume(t.Context(), spec, bytes.NewReader([]byte("x")), 1); !errors.Is(err, errInjected) {
			t.Fatalf("error is %v", err)
		}
		if n := len(h.Volumes("default")); n != 2 {
			t.Errorf("%d volumes are there", n)
		}
	})
	t.Run("an unreachable host answers nothing and keeps everything", func(t *testing.T) {
		cloud := fakevirt.NewCloud()
		h := cloud.AddHost("h1")
		if _, err := h.CreateVolume(t.Context(), rawSpec("v")); err != nil {
			t.Fatal(err)
		}
		h.SetUnreachable(true)
		if err := h.DeleteVolume(t.Context(), rawSpec("v").VolumeRef); !errors.Is(err, virt.ErrUnreachable) {
			t.Errorf("error is %v", err)
		}
		if _, err := cloud.Host(t.Context(), virt.Target{Name: "h1"}); !errors.Is(err, virt.ErrUnreachable) {
			t.Errorf("error is %v", err)
		}
		h.SetUnreachable(false)
		if _, err := h.Volume(t.Context(), rawSpec("v").VolumeRef); err != nil {
			t.Error(err)
		}
	})
	t.Run("a held call ends with its context or goes on when released", func(t *testing.T) {
		h := fakevirt.NewCloud().AddHost("h1")
		gate := make(chan struct{})
		h.Inject(fakevirt.MethodFacts, fakevirt.Fault{Gate: gate})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if _, err := h.Facts(ctx); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, virt.ErrUnreachable) {
			t.Errorf("error is %v", err)
		}
		close(gate)
		if _, err := h.Facts(t.Context()); err != nil {
			t.Error(err)
		}
		h.ClearFaults()
	})
	t.Run("a full pool takes nothing", func(t *testing.T) {
		h := fakevirt.NewCloud().AddHost("h1", fakevirt.WithPool("default", 100))
		_, err := h.WriteVolume(t.Context(), rawSpec("v"), bytes.NewReader(make([]byte, 101)), 101)
		if !errors.Is(err, virt.ErrNoSpace) {
			t.Errorf("error is %v", err)
		}
	})
}

func TestHost_boot(t *testing.T) {
	cloud := fakevirt.NewCloud()
	h := cloud.AddHost("h1")
	var boots []fakevirt.Boot
	cloud.OnBoot(func(b fakevirt.Boot) {
		b.Host.Domains() // no lock is held
		boots = append(boots, b)
	})
	config := rawSpec("config")
	if _, err := h.WriteVolume(t.Context(), config, bytes.NewReader([]byte("{}")), 2); err != nil {
		t.Fatal(err)
	}
	spec := domainSpec()
	spec.FirmwareConfig = &config.VolumeRef
	if _, err := h.DefineDomain(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	h.DropVolume(config.VolumeRef)
	if err := h.StartDomain(t.Context(), spec.UUID, spec.Owner); err == nil {
		t.Error("domain starts although the file of its configuration is missing")
	}
	assert.NoError(t, h.PutVolume(config.VolumeRef, virt.VolumeRaw, []byte("{}")))
	h.SetInterface("br0", false)
	if err := h.StartDomain(t.Context(), spec.UUID, spec.Owner); err == nil {
		t.Error("domain starts although its bridge is down")
	}
	h.SetInterface("br0", true)
	for range 2 {
		assert.NoError(t, h.StartDomain(t.Context(), spec.UUID, spec.Owner))
	}
	if len(boots) != 1 || string(boots[0].FirmwareConfig) != "{}" || boots[0].Spec.UUID != spec.UUID {
		t.Errorf("boots are %+v", boots)
	}
	vcpus, memory, disk := h.Allocated()
	assert.Equal(t, []int64{2, 1 << 30, 2}, []int64{int64(vcpus), memory, disk})
}

func TestHost_disksAreExclusive(t *testing.T) {
	h := fakevirt.NewCloud().AddHost("h1")
	if _, err := h.CreateVolume(t.Context(), rawSpec("v")); err != nil {
		t.Fatal(err)
	}
	specs := []virt.DomainSpec{domainSpec(), domainSpec()}
	for i := range specs {
		specs[i].Disks = []virt.Disk{{Volume: rawSpec("v").VolumeRef}}
		if _, err := h.DefineDomain(t.Context(), specs[i]); err != nil {
			t.Fatal(err)
		}
	}
	assert.NoError(t, h.StartDomain(t.Context(), specs[0].UUID, specs[0].Owner))
	if err := h.StartDomain(t.Context(), specs[1].UUID, specs[1].Owner); err == nil {
		t.Error("two guests run on one disk")
	}
}

func TestHost_cutTransferLeavesRemains(t *testing.T) {
	h := fakevirt.NewCloud().AddHost("h1")
	image := virttest.QCOW2(1 << 30)
	content := &cutReader{Reader: bytes.NewReader(image), cut: func() { h.SetUnreachable(true) }}
	spec := virt.VolumeSpec{VolumeRef: rawSpec("img").VolumeRef, Format: virt.VolumeQCOW2}
	if _, err := h.WriteVolume(t.Context(), spec, content, int64(len(image))); !errors.Is(err, virt.ErrUnreachable) {
		t.Errorf("error is %v", err)
	}
	h.SetUnreachable(false)
	v, err := h.Volume(t.Context(), spec.VolumeRef)
	if err != nil || v.AllocatedBytes == int64(len(image)) {
		t.Errorf("remains are %+v, %v", v, err)
	}
}

// cutReader loses the network after its first read.
type cutReader struct {
	*bytes.Reader
	reads int
	cut   func()
}

func (c *cutReader) Read(p []byte) (int, error) {
	if c.reads++; c.reads == 2 {
		c.cut()
	}
	return c.Reader.Read(p)
}

func TestCloud_eventsOfASlowReceiverAreFolded(t *testing.T) {
	cloud := fakevirt.NewCloud()
	h := cloud.AddHost("h1")
	spec := domainSpec()
	if _, err := h.DefineDomain(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	if e := <-cloud.Events(); e != (virt.Event{Host: "h1", UUID: spec.UUID}) {
		t.Errorf("event is %+v", e)
	}
	for range 1000 {
		h.SetState(spec.UUID, virt.DomainCrashed)
	}
	folded := false
	for len(cloud.Events()) > 0 {
		if e := <-cloud.Events(); e.UUID == "" {
			folded = true
		}
	}
	if !folded {
		t.Error("no event without UUID came")
	}
}

func TestCloud_connections(t *testing.T) {
	cloud := fakevirt.NewCloud()
	cloud.AddHost("h1")
	if _, err := cloud.Host(t.Context(), virt.Target{Name: "other"}); !errors.Is(err, virt.ErrUnreachable) {
		t.Errorf("error is %v", err)
	}
	for _, revision := range []string{"1", "1", "2"} {
		if _, err := cloud.Host(t.Context(), virt.Target{Name: "h1", Revision: revision}); err != nil {
			t.Fatal(err)
		}
	}
	assert.Equal(t, []string{"1", "2"}, cloud.Revisions("h1"))
	cloud.Forget("h1")
	if cloud.Forgotten("h1") != 1 || len(cloud.Revisions("h1")) != 0 {
		t.Error("host is not forgotten")
	}
}
