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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
)

// scope is what one Reconcile knows. While deleting, cluster may be nil.
type scope struct {
	lc      *infrav1.LibvirtCluster
	cluster *clusterv1.Cluster
	// hosts are those that the cluster may use, by name.
	hosts []infrav1.LibvirtHost
	// machines are the cluster's LibvirtMachines, by name.
	machines []infrav1.LibvirtMachine

	// wanted is what the hosts shall carry, without the backends that are leaving; report is what the hosts said.
	wanted  loadbalancer.Cluster
	leaving []loadbalancer.Backend
	report  *loadbalancer.Report
	// observeAgain says that the holder of the address can change without any event.
	observeAgain bool
	// strays are hosts that carry the endpoint although they shall not any more, with the reason why they still do.
	strays map[string]error
	// virtual are the endpoints of all clusters, which no host has for its own address.
	virtual []netip.Addr

	// results are the outcomes of the phases that ran, by condition.
	results map[string]error
	// notes are what else there is to say of a phase that went well, by condition.
	notes       map[string]string
	readyBefore string
}

// step makes a phase that remembers how it went.
func (s *scope) step(condition string, run func(context.Context, *scope) error) func(context.Context, *scope) error {
	return func(ctx context.Context, s *scope) error {
		err := run(ctx, s)
		s.results[condition] = err
		return err
	}
}

// load reads what belongs to the cluster. Its only outcome without a condition is the absence of an owner, which has
// nobody to tell.
func (r *Reconciler) load(ctx context.Context, lc *infrav1.LibvirtCluster) (*scope, error) {
	s := &scope{lc: lc, results: map[string]error{}, notes: map[string]string{}, strays: map[string]error{}}
	if ready := conditions.Get(lc, infrav1.ReadyCondition); ready != nil {
		s.readyBefore = ready.Reason
	}
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
	if s.hosts, err = r.hostsOf(ctx, lc); err != nil {
		return nil, err
	}
	s.machines, err = r.machinesOf(ctx, s)
	return s, err
}

// hostsOf lists the hosts that the cluster's selector and the hosts' own selectors allow.
func (r *Reconciler) hostsOf(ctx context.Context, lc *infrav1.LibvirtCluster) ([]infrav1.LibvirtHost, error) {
	selector, err := selectorOf(lc.Spec.HostSelector)
	if err != nil {
		return nil, outcome.Terminalf(infrav1.LibvirtClusterNoHostsReason, "spec.hostSelector: %w", err)
	}
	list := &infrav1.LibvirtHostList{}
	if err := r.Client.List(ctx, list, client.MatchingLabelsSelector{Selector: selector}); err != nil {
		return nil, fmt.Errorf("list LibvirtHosts: %w", err)
	}
	namespace := &corev1.Namespace{}
	if err := r.Client.Get(ctx, client.ObjectKey{Name: lc.Namespace}, namespace); err != nil {
		return nil, fmt.Errorf("read namespace %q: %w", lc.Namespace, err)
	}
	hosts := slices.DeleteFunc(list.Items, func(host infrav1.LibvirtHost) bool {
		allowed, err := selectorOf(host.Spec.NamespaceSelector)
		return err != nil || !allowed.Matches(labels.Set(namespace.Labels))
	})
	slices.SortFunc(hosts, func(a, b infrav1.LibvirtHost) int { return cmp.Compare(a.Name, b.Name) })
	return hosts, nil
}

// selectorOf matches everything when nothing is selected, unlike metav1's own rule.
func selectorOf(selector *metav1.LabelSelector) (labels.Selector, error) {
	if selector == nil {
		return labels.Everything(), nil
	}
	return metav1.LabelSelectorAsSelector(selector)
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
