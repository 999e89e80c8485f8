// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer/rollout"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/phase"
)

// scope is the data of one Reconcile. During deletion cluster may be nil.
type scope struct {
	lc      *infrav1.LibvirtCluster
	cluster *clusterv1.Cluster
	// hosts are those that the cluster may use, sorted by name.
	hosts []infrav1.LibvirtHost
	// machines are the cluster's LibvirtMachines, sorted by name.
	machines []infrav1.LibvirtMachine

	// wanted is the load balancer that the hosts should run, without the backends in leaving; report is what was observed.
	wanted  loadbalancer.Cluster
	leaving []loadbalancer.Backend
	report  *rollout.Report
	// observeAgain reports that something can change without an event, such as the holder of the address.
	observeAgain bool
	// formerMembers are hosts that should no longer run the load balancer, with the error that prevented its removal.
	formerMembers map[string]error
	// virtual are the endpoints of all clusters, which do not count as a host's own addresses.
	virtual []netip.Addr

	// record keeps how the phases went.
	record *phase.Record
}

// load reads the objects that belong to the cluster. The absence of an owner is the one outcome that no condition reports:
// nobody waits for the object yet.
func (r *Reconciler) load(ctx context.Context, lc *infrav1.LibvirtCluster) (*scope, error) {
	s := &scope{lc: lc, record: phase.NewRecord(lc, conditionTable()), formerMembers: map[string]error{}}
	cluster, err := util.GetOwnerCluster(ctx, r.Client, lc.ObjectMeta)
	if !lc.DeletionTimestamp.IsZero() {
		err = client.IgnoreNotFound(err)
	}
	if err != nil {
		return nil, fmt.Errorf("read owner of LibvirtCluster %q: %w", lc.Name, err)
	}
	if cluster == nil && lc.DeletionTimestamp.IsZero() {
		return nil, outcome.Waitf("", 0, "the Cluster controller has not set an owner yet")
	}
	s.cluster = cluster
	s.machines, err = r.machinesOf(ctx, s)
	return s, err
}

// findHosts lists the hosts that the cluster's selector and the hosts' own selectors allow.
func (r *Reconciler) findHosts(ctx context.Context, s *scope) error {
	selector, err := inventory.Selector(s.lc.Spec.HostSelector)
	if err != nil {
		return outcome.Terminalf(infrav1.LibvirtClusterNoHostsReason, "spec.hostSelector: %w", err)
	}
	list := &infrav1.LibvirtHostList{}
	if err := r.Client.List(ctx, list, client.MatchingLabelsSelector{Selector: selector}); err != nil {
		return fmt.Errorf("list LibvirtHosts: %w", err)
	}
	namespace := &corev1.Namespace{}
	if err := r.Client.Get(ctx, client.ObjectKey{Name: s.lc.Namespace}, namespace); err != nil {
		return fmt.Errorf("read namespace %q: %w", s.lc.Namespace, err)
	}
	s.hosts = slices.DeleteFunc(list.Items, func(host infrav1.LibvirtHost) bool {
		return !inventory.OpenTo(&host, namespace)
	})
	slices.SortFunc(s.hosts, func(a, b infrav1.LibvirtHost) int { return cmp.Compare(a.Name, b.Name) })
	return nil
}

func (r *Reconciler) machinesOf(ctx context.Context, s *scope) ([]infrav1.LibvirtMachine, error) {
	name := s.clusterName()
	if name == "" {
		return nil, nil
	}
	list := &infrav1.LibvirtMachineList{}
	err := r.Client.List(ctx, list, client.InNamespace(s.lc.Namespace), client.MatchingLabels{clusterv1.ClusterNameLabel: name})
	if err != nil {
		return nil, fmt.Errorf("list LibvirtMachines of cluster %q: %w", name, err)
	}
	slices.SortFunc(list.Items, func(a, b infrav1.LibvirtMachine) int { return cmp.Compare(a.Name, b.Name) })
	return list.Items, nil
}

// clusterName is empty for a LibvirtCluster that never had an owner.
func (s *scope) clusterName() string {
	if s.cluster != nil {
		return s.cluster.Name
	}
	return s.lc.Labels[clusterv1.ClusterNameLabel]
}
