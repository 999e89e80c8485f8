// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/go-logr/logr"

	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/logkeys"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// Release takes the cluster off all hosts, the holder of the VIP last. Only ID and owner are needed. It tries every host
// and joins their errors.
func (b *Balancer) Release(ctx context.Context, cluster loadbalancer.Cluster, hosts []Host) error {
	if err := cluster.ValidateIdentity(); err != nil {
		return fmt.Errorf("remove load balancer %q: %w", cluster.ID, err)
	}
	shared, err := loadbalancer.RenderShared(b.layout)
	if err != nil {
		return err
	}
	report := Report{Hosts: make([]HostReport, len(hosts))}
	if cluster.VIP.IsValid() { // otherwise the holder is unknown
		report = b.observeAll(ctx, cluster, hosts, Report{})
	}
	order := holderLast(report)
	for n, i := range order {
		logr.FromContextOrDiscard(ctx).V(1).Info("Removing load balancer", logkeys.Host, hosts[i].Name)
		err := b.alone(ctx, hosts[i], len(order)-n, func(ctx context.Context) error {
			return remove(ctx, hosts[i].Shell, b.layout, cluster, shared, report.Hosts[i].State.VIP.Addr())
		})
		if err != nil {
			report.Hosts[i].Err = fmt.Errorf("host %q: %w", hosts[i].Name, err)
		}
	}
	return report.err()
}

// remove takes the cluster off one host, and with the last cluster every file and unit of ours. An absent cluster is not an
// error. vip may be the zero value when it is unknown; otherwise remove waits until the host has given it up.
func remove(
	ctx context.Context, shell virt.Shell, layout loadbalancer.Layout,
	cluster loadbalancer.Cluster, shared []loadbalancer.SharedFile, vip netip.Addr,
) error {
	address := ""
	if vip.IsValid() {
		address = vip.String()
	}
	script := compose(layout, cluster.ID, removeScript, shared, map[string]string{"owner": cluster.Owner, "vip": address})
	if err := transact(ctx, shell, script); err != nil {
		return fmt.Errorf("remove load balancer %q: %w", cluster.ID, err)
	}
	return nil
}
