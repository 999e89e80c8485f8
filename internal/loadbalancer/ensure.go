// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// holderTimeout is how long an election may take after the last change; pollInterval how often it is looked at.
const (
	holderTimeout = 15 * time.Second
	pollInterval  = 500 * time.Millisecond
)

// Host is one hypervisor that carries a cluster's endpoint.
type Host struct {
	// Name identifies the host among all hosts of the manager.
	Name   string
	Runner Runner
	// Bridge gets the VIP; Address is the host's own on the segment; Priority is its VRRP priority.
	Bridge   string
	Address  netip.Addr
	Priority uint8
}

// HostReport is what happened on one host.
type HostReport struct {
	Name string
	// State is the last observation; meaningless when Err says that there was none.
	State State
	// Changes are the reasons for what was done, none when the host was as wanted.
	Changes []string
	// Err is why the host is not as wanted.
	Err error
}

// Report is what Ensure found and did, in the order of the hosts given.
type Report struct {
	Hosts []HostReport
	// Holder is the name of the host that holds the VIP, empty when none does.
	Holder string
}

// Balancer applies load balancers to hosts, one change a host and one host a cluster at a time.
type Balancer struct {
	layout Layout
	mutex  sync.Mutex
	busy   map[string]chan struct{}
}

// New returns a Balancer for hosts with the given layout.
func New(layout Layout) *Balancer { return &Balancer{layout: layout, busy: map[string]chan struct{}{}} }

// Ensure makes all hosts carry the cluster's endpoint and tells what they say. Hosts that do not hold the VIP come
// first, its holder last; a host that rejects or rolls back stops the rest, so that the holder keeps what works; a host
// that cannot be reached does not. The error joins those of the hosts with ErrAddressInUse and ErrNoHolder.
func (b *Balancer) Ensure(ctx context.Context, cluster Cluster, hosts []Host) (Report, error) {
	trees, shared, err := b.render(cluster, hosts)
	if err != nil {
		return Report{}, err
	}
	report := b.observeAll(ctx, cluster, hosts)
	if err := b.guardAddress(ctx, cluster, hosts, report); err != nil {
		return report, err
	}
	changed := false
	for _, i := range holderLast(report) {
		host := &report.Hosts[i]
		plan, err := NewPlan(trees[i], shared, host.State)
		if err == nil && !plan.Empty() {
			host.Changes, changed = plan.Reasons, true
			err = b.apply(ctx, hosts[i], trees[i], plan)
		}
		if err != nil {
			host.Err = fmt.Errorf("host %q: %w", host.Name, err)
			break
		}
	}
	if changed && report.err() == nil {
		report = b.awaitHolder(ctx, cluster, hosts, report)
	}
	report.setHolder()
	err = report.err()
	if err == nil && report.Holder == "" && len(hosts) > 0 {
		err = fmt.Errorf("%w: %s", ErrNoHolder, cluster.VIP.Addr())
	}
	return report, err
}

// Observe asks all hosts at once and changes nothing.
func (b *Balancer) Observe(ctx context.Context, cluster Cluster, hosts []Host) (Report, error) {
	report := b.observeAll(ctx, cluster, hosts)
	return report, report.err()
}

// Release takes the cluster off all hosts, the holder of the VIP last. It tries every host and joins their errors.
func (b *Balancer) Release(ctx context.Context, cluster Cluster, hosts []Host) error {
	report := b.observeAll(ctx, cluster, hosts)
	for _, i := range holderLast(report) {
		release, err := b.acquire(ctx, hosts[i].Name)
		if err == nil {
			err = Remove(ctx, hosts[i].Runner, b.layout, cluster.ID, cluster.Owner, report.Hosts[i].State.VIP.Addr())
			release()
		}
		if err != nil {
			report.Hosts[i].Err = fmt.Errorf("host %q: %w", hosts[i].Name, err)
		}
	}
	return report.err()
}

// render makes every host's tree before any host is touched.
func (b *Balancer) render(cluster Cluster, hosts []Host) ([]Tree, []SharedFile, error) {
	shared, err := RenderShared(b.layout)
	if err != nil {
		return nil, nil, err
	}
	trees := make([]Tree, 0, len(hosts))
	priorities := map[uint8]string{}
	for i, host := range hosts {
		if other, taken := priorities[host.Priority]; taken {
			return nil, nil, fmt.Errorf("%w: hosts %q and %q have the same priority", ErrInvalid, other, host.Name)
		}
		priorities[host.Priority] = host.Name
		member := Member{Bridge: host.Bridge, Address: host.Address, Priority: host.Priority}
		for j, peer := range hosts {
			if j != i {
				member.Peers = append(member.Peers, peer.Address)
			}
		}
		tree, err := Render(cluster, member, b.layout)
		if err != nil {
			return nil, nil, fmt.Errorf("host %q: %w", host.Name, err)
		}
		trees = append(trees, tree)
	}
	return trees, shared, nil
}

func (b *Balancer) observeAll(ctx context.Context, cluster Cluster, hosts []Host) Report {
	report := Report{Hosts: make([]HostReport, len(hosts))}
	var all sync.WaitGroup
	for i, host := range hosts {
		all.Go(func() {
			state, err := Observe(ctx, host.Runner, b.layout, cluster.ID, cluster.VIP.Addr())
			if err != nil {
				err = fmt.Errorf("host %q: %w", host.Name, err)
			}
			report.Hosts[i] = HostReport{Name: host.Name, State: state, Err: err}
		})
	}
	all.Wait()
	report.setHolder()
	return report
}

// guardAddress refuses a VIP that is somebody else's, before it is configured anywhere for the first time. Once a host
// carries it for this cluster it is ours, whoever answers.
func (b *Balancer) guardAddress(ctx context.Context, cluster Cluster, hosts []Host, report Report) error {
	ours := func(host HostReport) bool {
		return host.Err == nil && host.State.Owner == cluster.Owner && host.State.VIP.Addr() == cluster.VIP.Addr()
	}
	if slices.ContainsFunc(report.Hosts, ours) {
		return nil
	}
	probe := -1
	for i, host := range report.Hosts {
		switch {
		case host.Err != nil:
		case host.State.HoldsVIP:
			return fmt.Errorf("%w: %s is on an interface of host %q, not by this cluster", ErrAddressInUse, cluster.VIP.Addr(), host.Name)
		case probe < 0:
			probe = i
		}
	}
	if probe < 0 {
		return nil
	}
	return ProbeAddress(ctx, hosts[probe].Runner, b.layout, cluster.VIP.Addr(), hosts[probe].Bridge)
}

func (b *Balancer) apply(ctx context.Context, host Host, tree Tree, plan Plan) error {
	release, err := b.acquire(ctx, host.Name)
	if err != nil {
		return err
	}
	defer release()
	return Apply(ctx, host.Runner, b.layout, tree, plan)
}

// acquire waits for the host to be free of other changes by this process; flock on the host does it between processes.
func (b *Balancer) acquire(ctx context.Context, host string) (release func(), _ error) {
	b.mutex.Lock()
	slot, ok := b.busy[host]
	if !ok {
		slot = make(chan struct{}, 1)
		b.busy[host] = slot
	}
	b.mutex.Unlock()
	select {
	case slot <- struct{}{}:
		return func() { <-slot }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("await host %q: %w", host, context.Cause(ctx))
	}
}

// awaitHolder observes until the VIP is up somewhere or the election has had its time.
func (b *Balancer) awaitHolder(ctx context.Context, cluster Cluster, hosts []Host, before Report) Report {
	ctx, cancel := context.WithTimeout(ctx, holderTimeout)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		report := b.observeAll(ctx, cluster, hosts)
		if ctx.Err() != nil {
			return before
		}
		for i := range report.Hosts {
			report.Hosts[i].Changes = before.Hosts[i].Changes
		}
		if report.Holder != "" {
			return report
		}
		before = report
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return before
		}
	}
}

func (r *Report) setHolder() {
	r.Holder = ""
	for _, host := range r.Hosts {
		if host.Err == nil && host.State.HoldsVIP {
			r.Holder = host.Name
			return
		}
	}
}

func (r *Report) err() error {
	problems := make([]error, 0, len(r.Hosts))
	for _, host := range r.Hosts {
		problems = append(problems, host.Err)
	}
	return errors.Join(problems...)
}

// holderLast lists the hosts that answered, those that hold the VIP behind the others.
func holderLast(report Report) []int {
	var others, holders []int
	for i, host := range report.Hosts {
		switch {
		case host.Err != nil:
		case host.State.HoldsVIP:
			holders = append(holders, i)
		default:
			others = append(others, i)
		}
	}
	return append(others, holders...)
}
