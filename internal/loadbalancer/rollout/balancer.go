// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/internal/keylock"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// hostTimeout is the least time for a change on a host, unless the caller's time is over: a change takes seconds.
const hostTimeout = 15 * time.Second

// Host is one hypervisor that has a cluster's endpoint.
type Host struct {
	// Name identifies the host among all hosts of the manager.
	Name  string
	Shell virt.Shell
	// Bridge gets the VIP; Address is the host's own in the segment; Priority is its VRRP priority.
	Bridge   string
	Address  netip.Addr
	Priority uint8
}

// Balancer applies load balancers to hosts: one change per host and one host per cluster at a time.
type Balancer struct {
	layout loadbalancer.Layout
	// busy are the hosts that this process changes; flock on the host serialises processes.
	busy keylock.Locks
}

// New returns a Balancer for hosts with the given layout.
func New(layout loadbalancer.Layout) *Balancer { return &Balancer{layout: layout} }

// Trees returns the files of the cluster for each host, without reaching any of them. Errors: loadbalancer.ErrInvalid.
func Trees(layout loadbalancer.Layout, cluster loadbalancer.Cluster, hosts []Host) ([]loadbalancer.Tree, error) {
	trees := make([]loadbalancer.Tree, 0, len(hosts))
	priorities := map[uint8]string{}
	for i, host := range hosts {
		if other, taken := priorities[host.Priority]; taken {
			return nil, fmt.Errorf("%w: hosts %q and %q have the same priority", loadbalancer.ErrInvalid, other, host.Name)
		}
		priorities[host.Priority] = host.Name
		member := loadbalancer.Member{Bridge: host.Bridge, Address: host.Address, Priority: host.Priority}
		for j, peer := range hosts {
			if j != i {
				member.Peers = append(member.Peers, peer.Address)
			}
		}
		tree, err := loadbalancer.Render(cluster, member, layout)
		if err != nil {
			return nil, fmt.Errorf("host %q: %w", host.Name, err)
		}
		trees = append(trees, tree)
	}
	return trees, nil
}

// alone runs a change while no other change of this process works on the host. One of the hosts that are left gets no more
// than its share of the time, so that a host which hangs leaves some to the others.
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
