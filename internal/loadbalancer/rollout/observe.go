// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// observeTimeout bounds the observation of one host: one that hangs must not use up the time of the others.
const observeTimeout = 20 * time.Second

// observe reads everything about one cluster on one host by a single script. It changes nothing.
func observe(
	ctx context.Context, shell virt.Shell, layout loadbalancer.Layout, clusterID string, vip netip.Addr,
) (loadbalancer.State, error) {
	shared, err := loadbalancer.RenderShared(layout)
	if err != nil {
		return loadbalancer.State{}, err
	}
	output, err := shell.Run(ctx, compose(layout, clusterID, observeScript, shared, map[string]string{"vip": vip.String()}))
	if err != nil {
		return loadbalancer.State{}, fmt.Errorf("observe load balancer %q: %w", clusterID, err)
	}
	state, err := loadbalancer.ParseState(output)
	if err != nil {
		return loadbalancer.State{}, fmt.Errorf("observe load balancer %q: %w", clusterID, err)
	}
	return state, nil
}

// observeAll asks all hosts at once, except those that did not answer before.
func (b *Balancer) observeAll(ctx context.Context, cluster loadbalancer.Cluster, hosts []Host, before Report) Report {
	report := Report{Hosts: make([]HostReport, len(hosts))}
	var all sync.WaitGroup
	for i, host := range hosts {
		if len(before.Hosts) > i && !before.Hosts[i].Observed {
			report.Hosts[i] = before.Hosts[i]
			continue
		}
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, observeTimeout)
			defer cancel()
			state, err := observe(ctx, host.Shell, b.layout, cluster.ID, cluster.VIP.Addr())
			if err != nil {
				err = fmt.Errorf("host %q: %w", host.Name, err)
			}
			report.Hosts[i] = HostReport{Name: host.Name, Observed: err == nil, State: state, Err: err}
		})
	}
	all.Wait()
	report.setHolder()
	return report
}
