// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// guardAddress refuses a VIP that another machine has, before it is configured anywhere for the first time. Once a host has
// it for this cluster it is ours, whoever answers.
func (b *Balancer) guardAddress(ctx context.Context, cluster loadbalancer.Cluster, hosts []Host, report Report) error {
	ours := func(host HostReport) bool {
		return host.Err == nil && host.State.Owner == cluster.Owner && host.State.VIP.Addr() == cluster.VIP.Addr()
	}
	if slices.ContainsFunc(report.Hosts, ours) {
		return nil
	}
	answered := -1
	for i, host := range report.Hosts {
		switch {
		case host.Err != nil:
		case host.State.HoldsVIP:
			return fmt.Errorf("%w: %s is on an interface of host %q, which does not have it from this cluster",
				ErrAddressInUse, cluster.VIP.Addr(), host.Name)
		case answered < 0:
			answered = i
		}
	}
	if answered < 0 {
		return nil
	}
	return probe(ctx, hosts[answered].Shell, b.layout, cluster.VIP.Addr(), hosts[answered].Bridge)
}

// probe asks from one host whether another machine answers for the address. Errors: ErrAddressInUse. An address that the
// host itself holds counts as free: that is for the observation to find.
func probe(ctx context.Context, shell virt.Shell, layout loadbalancer.Layout, vip netip.Addr, bridge string) error {
	script := compose(layout, "probe", probeScript, nil, map[string]string{"vip": vip.String(), "bridge": bridge})
	found, err := execute(ctx, shell, script)
	if err == nil && found.step == "in-use" {
		err = stepError(found)
	}
	if err != nil {
		return fmt.Errorf("probe address %q: %w", vip, err)
	}
	return nil
}
