// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"time"

	"github.com/go-logr/logr"

	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/logkeys"
)

const (
	// holderTimeout is how long an election may take after the last change; pollInterval how often the hosts are observed.
	holderTimeout = 15 * time.Second
	pollInterval  = 500 * time.Millisecond
)

// awaitHolder observes the hosts after changes, until one holds the VIP or the election has had its time.
func (b *Balancer) awaitHolder(ctx context.Context, cluster loadbalancer.Cluster, hosts []Host, before Report) Report {
	ctx, cancel := context.WithTimeout(ctx, holderTimeout)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		report := b.observeAll(ctx, cluster, hosts, before)
		if report.Holder == "" && ctx.Err() != nil {
			return before
		}
		for i := range report.Hosts {
			report.Hosts[i].recall(before.Hosts[i])
		}
		if report.Holder != "" || !report.anyApplied() {
			return report
		}
		logr.FromContextOrDiscard(ctx).V(2).Info("Waiting for a host to hold the virtual IP", logkeys.VIP, cluster.VIP.Addr())
		before = report
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return before
		}
	}
}

// recall takes over what was done to the host before this observation.
func (h *HostReport) recall(before HostReport) {
	h.Changes, h.Applied = before.Changes, before.Applied
	if before.Err != nil {
		h.Err = before.Err
	}
}

// holderLast lists the hosts that answered, those that hold the VIP after the others.
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
