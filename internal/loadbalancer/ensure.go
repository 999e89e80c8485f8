// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/internal/keylock"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// hostTimeout is what a change on a host gets at least, unless the caller's time is over: it takes seconds.
const hostTimeout = 15 * time.Second

// Host is one hypervisor that carries a cluster's endpoint.
type Host struct {
	// Name identifies the host among all hosts of the manager.
	Name  string
	Shell virt.Shell
	// Bridge gets the VIP; Address is the host's own on the segment; Priority is its VRRP priority.
	Bridge   string
	Address  netip.Addr
	Priority uint8
}

// Balancer applies load balancers to hosts, one change a host and one host a cluster at a time.
type Balancer struct {
	layout Layout
	// busy are the hosts that this process changes; flock on the host serialises processes.
	busy keylock.Locks
}

// New returns a Balancer for hosts with the given layout.
func New(layout Layout) *Balancer { return &Balancer{layout: layout} }

// Ensure makes all hosts carry the cluster's endpoint and tells what they say. Hosts that do not hold the VIP come
// first, its holder last. A configuration that a host rejects stops the rest, so that the holder keeps what works; what
// is wrong with one host alone (it is lost, busy, full) does not, or the holder would serve old backends for as long as
// any other host is broken. The error joins those of the hosts with ErrAddressInUse and ErrNoHolder.
func (b *Balancer) Ensure(ctx context.Context, cluster Cluster, hosts []Host) (Report, error) {
	trees, shared, err := b.render(cluster, hosts)
	if err != nil {
		return Report{}, err
	}
	report := b.observeAll(ctx, cluster, hosts)
	if err := b.guardAddress(ctx, cluster, hosts, report); err != nil {
		report.Holder = "" // whoever holds it does not hold it for this cluster
		return report, err
	}
	if b.applyAll(ctx, hosts, trees, shared, &report) {
		report = b.awaitHolder(ctx, cluster, hosts, report)
	}
	err = report.err()
	if err == nil && report.Holder == "" && len(hosts) > 0 {
		err = fmt.Errorf("%w: %s", ErrNoHolder, cluster.VIP.Addr())
	}
	return report, err
}

// applyAll changes one host after the other and says whether it touched any.
func (b *Balancer) applyAll(ctx context.Context, hosts []Host, trees []Tree, shared []SharedFile, report *Report) (touched bool) {
	taken, failed := 0, 0 // hosts that run the configuration, and those where it was valid but did not come up
	order := holderLast(*report)
	for n, i := range order {
		host := &report.Hosts[i]
		if host.State.HoldsVIP && failed > 0 && taken == 0 {
			return touched // the holder is not the place to try again what failed wherever it was tried
		}
		plan, err := NewPlan(trees[i], shared, host.State)
		if err == nil && !plan.Empty() {
			host.Changes, touched = plan.Reasons, true
			err = b.apply(ctx, hosts[i], trees[i], plan, len(order)-n)
		}
		if err == nil {
			host.Applied = true
			taken++
			continue
		}
		host.Err = fmt.Errorf("host %q: %w", host.Name, err)
		if errors.Is(err, ErrRejected) {
			return touched
		}
		if didNotComeUp(err) {
			failed++
		}
	}
	return touched
}

// Observe asks all hosts at once and changes nothing.
func (b *Balancer) Observe(ctx context.Context, cluster Cluster, hosts []Host) (Report, error) {
	report := b.observeAll(ctx, cluster, hosts)
	return report, report.err()
}

// Release takes the cluster off all hosts, the holder of the VIP last. Only ID and owner are needed. It tries every host
// and joins their errors.
func (b *Balancer) Release(ctx context.Context, cluster Cluster, hosts []Host) error {
	report := Report{Hosts: make([]HostReport, len(hosts))}
	if cluster.VIP.IsValid() { // otherwise nobody can say who holds it
		report = b.observeAll(ctx, cluster, hosts)
	}
	order := holderLast(report)
	for n, i := range order {
		err := b.alone(ctx, hosts[i], len(order)-n, func(ctx context.Context) error {
			return Remove(ctx, hosts[i].Shell, b.layout, cluster.ID, cluster.Owner, report.Hosts[i].State.VIP.Addr())
		})
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
	return ProbeAddress(ctx, hosts[probe].Shell, b.layout, cluster.VIP.Addr(), hosts[probe].Bridge)
}

func (b *Balancer) apply(ctx context.Context, host Host, tree Tree, plan Plan, left int) error {
	return b.alone(ctx, host, left, func(ctx context.Context) error {
		return Apply(ctx, host.Shell, b.layout, tree, plan)
	})
}

// alone runs a change when no other change of this process works on the host. One of the hosts that are left takes no
// more than its share of the time, so that a host which hangs leaves some to the others.
func (b *Balancer) alone(ctx context.Context, host Host, left int, change func(context.Context) error) error {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, max(time.Until(deadline)/time.Duration(left), hostTimeout))
		defer cancel()
	}
	unlock, err := b.busy.Lock(ctx, host.Name)
	if err != nil {
		return fmt.Errorf("%w: await host %q: %w", ErrHostBusy, host.Name, err)
	}
	defer unlock()
	return change(ctx)
}
