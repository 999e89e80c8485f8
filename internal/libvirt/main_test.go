// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirt

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
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
