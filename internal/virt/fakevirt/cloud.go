// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fakevirt

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// eventBuffer is how many events wait for a slow receiver before they are folded into one per host.
const eventBuffer = 64

// Cloud is a set of hosts, found by the name of the target.
type Cloud struct {
	events chan virt.Event

	mu        sync.Mutex
	hosts     map[string]*Host
	revisions map[string][]string
	forgotten map[string]int
	onBoot    func(Boot)
}

var _ virt.Connector = &Cloud{}

// NewCloud returns a cloud without hosts.
func NewCloud() *Cloud {
	return &Cloud{
		events:    make(chan virt.Event, eventBuffer),
		hosts:     map[string]*Host{},
		revisions: map[string][]string{},
		forgotten: map[string]int{},
	}
}

// AddHost adds a host with 8 CPUs, 32 GiB of memory, the bridge br0 and a pool "default" of 100 GiB, changed by opts.
func (c *Cloud) AddHost(name string, opts ...HostOption) *Host {
	h := newHost(c, name, opts)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hosts[name] = h
	return h
}

// Boot is what a guest finds when it starts.
type Boot struct {
	Host *Host
	Spec virt.DomainSpec
	// FirmwareConfig is what the guest reads from fw_cfg, nil when the definition names none.
	FirmwareConfig []byte
}

// OnBoot calls boot in the goroutine of whoever starts a domain, after it runs and without locks held.
func (c *Cloud) OnBoot(boot func(Boot)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onBoot = boot
}

func (c *Cloud) booted(b Boot) {
	c.mu.Lock()
	boot := c.onBoot
	c.mu.Unlock()
	if boot != nil {
		boot(b)
	}
}

// Host implements virt.Connector. A host that was never added is unreachable.
func (c *Cloud) Host(ctx context.Context, target virt.Target) (virt.Host, error) {
	c.mu.Lock()
	h, ok := c.hosts[target.Name]
	c.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("connect to host %q: %w", target.Name, virt.ErrUnreachable)
	}
	after, err := h.enter(ctx, MethodConnect)
	if err == nil {
		err = after
	}
	if err != nil {
		return nil, fmt.Errorf("connect to host %q: %w", target.Name, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(c.revisions[target.Name], target.Revision) {
		c.revisions[target.Name] = append(c.revisions[target.Name], target.Revision)
	}
	return h, nil
}

// Forget implements virt.Connector.
func (c *Cloud) Forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgotten[name]++
	delete(c.revisions, name)
}

// Revisions returns the revisions of the target that were connected since it was last forgotten, in order.
func (c *Cloud) Revisions(name string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.revisions[name])
}

// Forgotten counts how often the host was forgotten.
func (c *Cloud) Forgotten(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.forgotten[name]
}

// Events implements virt.Connector.
func (c *Cloud) Events() <-chan virt.Event { return c.events }

// emit never blocks: when the receiver is slow, everything that waits becomes one event without UUID per host.
func (c *Cloud) emit(e virt.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case c.events <- e:
		return
	default:
	}
	hosts := []string{e.Host}
	for {
		select {
		case old := <-c.events:
			if !slices.Contains(hosts, old.Host) {
				hosts = append(hosts, old.Host)
			}
			continue
		default:
		}
		break
	}
	for _, host := range hosts {
		select {
		case c.events <- virt.Event{Host: host}:
		default:
		}
	}
}
