// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirt

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"testing"
	"time"

	rpc "github.com/digitalocean/go-libvirt"
	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/altcos/cluster-api-provider-altcos/internal/libvirt/transport"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/virttest"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/libvirtd"
)

// daemon is the libvirtd of all tests of this package; each leaves it running and empty.
var daemon *libvirtd.Daemon

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if daemon, err = libvirtd.Start(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = daemon.Close() }()
		return m.Run()
	}())
}

// openPool returns a pool that is closed after the test, which then has left no goroutine.
func openPool(t *testing.T, limits Limits) *Pool {
	t.Helper()
	ignored := goleak.IgnoreCurrent()
	p := NewPool(limits)
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close pool: %v", err)
		}
		goleak.VerifyNone(t, ignored)
	})
	return p
}

func target() virt.Target {
	return virt.Target{Name: "h1", Revision: "1", URI: daemon.URI(), Accelerator: virt.AcceleratorTCG}
}

func openHost(t *testing.T, p *Pool) virt.Host {
	t.Helper()
	h, err := p.Host(deadline(t, 20*time.Second), target())
	assert.NoError(t, err)
	return h
}

func deadline(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestHost_keepsTheContract(t *testing.T) {
	h := openHost(t, openPool(t, Limits{}))
	virttest.Run(t, virttest.Options{
		Host: h, Pool: libvirtd.Pool, Bridge: libvirtd.Bridge,
		ReadVolume: func(_ context.Context, v virt.Volume) ([]byte, error) { return os.ReadFile(daemon.Path(v.Path)) },
		VolumeMode: func(_ context.Context, v virt.Volume) (fs.FileMode, error) {
			info, err := os.Stat(daemon.Path(v.Path))
			if err != nil {
				return 0, err
			}
			return info.Mode(), nil
		},
		PowerOff: func(ctx context.Context, id string) error {
			found, err := h.(*host).lookupDomain(ctx, id)
			if err != nil {
				return err
			}
			return h.(*host).destroy(ctx, found)
		},
		UnownedDomain: defineByHand(t, h.(*host)),
	})
}

// defineByHand defines a domain as a person with virsh would.
func defineByHand(t *testing.T, h *host) string {
	t.Helper()
	id := uuid.NewString()
	text := "<domain type='qemu'><name>by-hand</name><uuid>" + id + "</uuid><memory unit='MiB'>32</memory>" +
		"<os><type arch='x86_64' machine='q35'>hvm</type></os></domain>"
	found, err := transport.Call(t.Context(), h.Session, func(c *rpc.Libvirt) (rpc.Domain, error) { return c.DomainDefineXMLFlags(text, 0) })
	assert.NoError(t, err)
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if err := h.Do(ctx, time.Minute, func(c *rpc.Libvirt) error { return c.DomainUndefineFlags(found, 0) }); err != nil {
			t.Errorf("undefine: %v", err)
		}
	})
	return id
}
