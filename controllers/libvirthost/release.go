// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirthost

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/event"
	"github.com/altcos/cluster-api-provider-altcos/internal/hostprep"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer/rollout"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// Balancer removes load balancers from hosts; *rollout.Balancer implements it.
type Balancer interface {
	Release(ctx context.Context, cluster loadbalancer.Cluster, hosts []rollout.Host) error
}

// release removes what the provider has put on a host that leaves the inventory, after machines and clusters have left it.
// A host that cannot be reached is released as it is; an event reports what may be left on it.
func (r *Reconciler) release(ctx context.Context, s *scope) error {
	if err := r.awaitMachinesGone(ctx, s.host); err != nil {
		return err
	}
	if r.Installs != nil && r.Installs.Leave(types.NamespacedName{Name: s.host.Name}) {
		return outcome.Waitf(infrav1.LibvirtHostInUseReason, 0, "waiting for the installation of packages to be cancelled")
	}
	connected := r.connect(ctx, s)
	if connected != nil && !s.record.Ran(reachable) {
		return connected
	}
	shell, err := r.openShell(ctx, s) // even without the hypervisor, which load balancers do not need
	if err != nil {
		return err
	}
	if err := r.awaitEndpointsGone(ctx, s.host, shell != nil); err != nil {
		return err
	}
	if shell != nil {
		if err := r.releaseSystem(ctx, s, shell); err != nil {
			return err
		}
	}
	if connected != nil || inventory.HasShell(s.host) && shell == nil {
		event.Emit(r.Recorder, s.host, corev1.EventTypeWarning, "HostLeftAsItIs", "Release",
			"the host cannot be reached; cached images in its pools, load balancers and "+hostprep.SysctlFile+" may be left on it, remove them by hand")
	}
	if connected == nil && r.checkStorage(ctx, s) == nil {
		return r.collectImages(ctx, s, 0)
	}
	return nil
}

// awaitMachinesGone blocks the deletion while machines run on the host.
func (r *Reconciler) awaitMachinesGone(ctx context.Context, host *infrav1.LibvirtHost) error {
	machines := &infrav1.LibvirtMachineList{}
	if err := r.Client.List(ctx, machines, machinesOn(host.Name)); err != nil {
		return fmt.Errorf("list LibvirtMachines on host %q: %w", host.Name, err)
	}
	if count := len(machines.Items); count > 0 {
		return outcome.Blockedf(infrav1.LibvirtHostInUseReason, 0,
			"%d machines run on the host, for example %s/%s; delete them first", count, machines.Items[0].Namespace, machines.Items[0].Name)
	}
	return nil
}

// awaitEndpointsGone waits while the host serves the endpoint of a cluster. That a cluster could not reach the host counts
// only as long as we cannot reach it either: it may be back, and would compete for the address with the hosts that serve it
// now.
func (r *Reconciler) awaitEndpointsGone(ctx context.Context, host *infrav1.LibvirtHost, answers bool) error {
	clusters, err := r.clusters(ctx)
	if err != nil {
		return err
	}
	for _, cluster := range clusters {
		for _, member := range cluster.Status.LoadBalancer.Hosts {
			if member.Name == host.Name && (answers || member.State != infrav1.LoadBalancerHostUnreachable) {
				return outcome.Waitf(infrav1.LibvirtHostInUseReason, retryInterval,
					"waiting for LibvirtCluster %s/%s to remove its load balancer from the host", cluster.Namespace, cluster.Name)
			}
		}
	}
	return nil
}

func (r *Reconciler) clusters(ctx context.Context) ([]infrav1.LibvirtCluster, error) {
	list := &infrav1.LibvirtClusterList{}
	if err := r.Client.List(ctx, list); err != nil {
		return nil, fmt.Errorf("list LibvirtClusters: %w", err)
	}
	return list.Items, nil
}

// releaseSystem removes load balancers of clusters whose status no longer lists the host, and the file with kernel
// parameters. Load balancers of clusters that are not ours stay: nothing proves that we may remove them.
func (r *Reconciler) releaseSystem(ctx context.Context, s *scope, shell virt.Shell) error {
	clusters, err := r.clusters(ctx)
	if err != nil {
		return err
	}
	for i := range clusters {
		id, owner := inventory.LoadBalancerIdentity(&clusters[i])
		if owner == "" || r.Balancer == nil {
			continue
		}
		cluster := loadbalancer.Cluster{ID: id, Owner: owner}
		if address, err := netip.ParseAddr(clusters[i].Spec.ControlPlaneEndpoint.Host); err == nil {
			cluster.VIP = netip.PrefixFrom(address, address.BitLen())
		}
		err := r.Balancer.Release(ctx, cluster, []rollout.Host{{Name: s.host.Name, Shell: shell, Bridge: inventory.Bridge(s.host)}})
		if err != nil && !errors.Is(err, loadbalancer.ErrNotOwned) {
			return fmt.Errorf("remove load balancer of cluster %s/%s: %w", clusters[i].Namespace, clusters[i].Name, err)
		}
	}
	if s.host.Spec.KernelParameters != infrav1.HostSetupManage {
		return nil
	}
	return hostprep.Forget(ctx, shell)
}
