// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"

	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/logkeys"
)

// Ensure makes all hosts have the cluster's endpoint and reports their states. Hosts that do not hold the VIP come first,
// its holder last. A configuration that a host rejects stops the rest, so that the holder keeps what works; a problem of one
// host alone (it is unreachable, busy, full) does not, or the holder would serve old backends for as long as any other host
// is broken. The error joins those of the hosts with ErrAddressInUse and ErrNoHolder.
func (b *Balancer) Ensure(ctx context.Context, cluster loadbalancer.Cluster, hosts []Host) (Report, error) {
	shared, err := loadbalancer.RenderShared(b.layout)
	if err != nil {
		return Report{}, err
	}
	trees, err := Trees(b.layout, cluster, hosts)
	if err != nil {
		return Report{}, err
	}
	report := b.observeAll(ctx, cluster, hosts, Report{})
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

// applyAll changes one host after the other and reports whether it changed any.
func (b *Balancer) applyAll(
	ctx context.Context, hosts []Host, trees []loadbalancer.Tree, shared []loadbalancer.SharedFile, report *Report,
) (changed bool) {
	taken, failed := 0, 0 // hosts that run the configuration, and those where it was valid but did not come up
	order := holderLast(*report)
	for n, i := range order {
		host := &report.Hosts[i]
		if host.State.HoldsVIP && failed > 0 && taken == 0 {
			return changed // what failed on all other hosts is not tried on the holder
		}
		plan, err := loadbalancer.NewPlan(trees[i], shared, host.State)
		if err == nil && !plan.Empty() {
			host.Changes, changed = plan.Reasons, true
			err = b.change(ctx, hosts[i], trees[i], shared, plan, len(order)-n)
		}
		if err == nil {
			host.Applied = true
			taken++
			continue
		}
		host.Err = fmt.Errorf("host %q: %w", host.Name, err)
		if errors.Is(err, ErrRejected) {
			return changed
		}
		if didNotComeUp(err) {
			failed++
		}
	}
	return changed
}

// change applies the plan to one host.
func (b *Balancer) change(
	ctx context.Context, host Host, tree loadbalancer.Tree, shared []loadbalancer.SharedFile, plan loadbalancer.Plan, left int,
) error {
	log := logr.FromContextOrDiscard(ctx).WithValues(logkeys.Host, host.Name)
	log.V(1).Info("Changing load balancer", logkeys.Reason, plan.Reasons)
	began := time.Now()
	err := b.alone(ctx, host, left, func(ctx context.Context) error {
		return apply(ctx, host.Shell, b.layout, tree, shared, plan)
	})
	log.V(1).Info("Changed load balancer", logkeys.Duration, time.Since(began), "succeeded", err == nil)
	return err
}
