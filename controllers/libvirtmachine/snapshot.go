// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/capacity"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/placement"
	"github.com/altcos/cluster-api-provider-altcos/internal/vm"
)

// newRequest is what the machine asks of a host.
func newRequest(s *scope) (placement.Request, error) {
	selects, err := hostSelector(s)
	if err != nil {
		return placement.Request{}, err
	}
	return placement.Request{
		UID:           string(s.lm.UID),
		Group:         group(s.lm),
		Requests:      capacity.Requests(s.lm),
		Selects:       selects,
		FailureDomain: s.machine.Spec.FailureDomain,
		Host:          s.lm.Spec.Host,
	}, nil
}

// hostSelector accepts hosts that the cluster and the machine select.
func hostSelector(s *scope) (func(map[string]string) bool, error) {
	var selectors []labels.Selector
	for _, selector := range []*metav1.LabelSelector{clusterHostSelector(s.infra), s.lm.Spec.HostSelector} {
		if selector == nil {
			continue
		}
		parsed, err := metav1.LabelSelectorAsSelector(selector)
		if err != nil {
			return nil, outcome.Terminalf(infrav1.LibvirtMachineNoHostFitsReason, "read hostSelector: %w", err)
		}
		selectors = append(selectors, parsed)
	}
	return func(set map[string]string) bool {
		for _, selector := range selectors {
			if !selector.Matches(labels.Set(set)) {
				return false
			}
		}
		return true
	}, nil
}

func clusterHostSelector(infra *infrav1.LibvirtCluster) *metav1.LabelSelector {
	if infra == nil {
		return nil
	}
	return infra.Spec.HostSelector
}

// group is what spreads over hosts: a control plane, or the machines of one deployment.
func group(lm *infrav1.LibvirtMachine) string {
	cluster := lm.Namespace + "/" + lm.Labels[clusterv1.ClusterNameLabel]
	if _, ok := lm.Labels[clusterv1.MachineControlPlaneLabel]; ok {
		return "control-plane/" + cluster
	}
	for _, label := range []string{clusterv1.MachineDeploymentNameLabel, clusterv1.MachineSetNameLabel} {
		if name := lm.Labels[label]; name != "" {
			return "workers/" + cluster + "/" + name
		}
	}
	return "workers/" + cluster
}

// snapshot is what the cache knows of hosts and of the machines on them, the machine itself left out.
func (r *Reconciler) snapshot(ctx context.Context, s *scope) (placement.Snapshot, error) {
	hosts := &infrav1.LibvirtHostList{}
	if err := r.Client.List(ctx, hosts); err != nil {
		return placement.Snapshot{}, fmt.Errorf("list hosts: %w", err)
	}
	machines := &infrav1.LibvirtMachineList{}
	if err := r.Client.List(ctx, machines); err != nil {
		return placement.Snapshot{}, fmt.Errorf("list machines: %w", err)
	}
	namespace := &corev1.Namespace{}
	if err := r.Client.Get(ctx, client.ObjectKey{Name: s.lm.Namespace}, namespace); err != nil {
		return placement.Snapshot{}, fmt.Errorf("read namespace %q: %w", s.lm.Namespace, err)
	}
	bound := map[string][]*infrav1.LibvirtMachine{}
	for i := range machines.Items {
		lm := &machines.Items[i]
		if lm.Spec.Host != "" && lm.Spec.ProviderID != "" && lm.UID != s.lm.UID {
			bound[lm.Spec.Host] = append(bound[lm.Spec.Host], lm)
		}
	}
	snapshot := placement.Snapshot{}
	for i := range hosts.Items {
		h := &hosts.Items[i]
		snapshot.Hosts = append(snapshot.Hosts, snapshotHost(h, namespace, boundTo(h, bound[h.Name])))
	}
	return snapshot, nil
}

// boundTo leaves out disks in other pools than that of which the host tells the room.
func boundTo(h *infrav1.LibvirtHost, machines []*infrav1.LibvirtMachine) []placement.Bound {
	var bound []placement.Bound
	for _, lm := range machines {
		requests := capacity.Requests(lm)
		if vm.Pool(lm, h) != inventory.StoragePool(h) {
			requests.DiskBytes = 0
		}
		bound = append(bound, placement.Bound{UID: string(lm.UID), Group: group(lm), Requests: requests})
	}
	return bound
}

func snapshotHost(h *infrav1.LibvirtHost, namespace *corev1.Namespace, bound []placement.Bound) placement.Host {
	allowed := true
	if h.Spec.NamespaceSelector != nil {
		selector, err := metav1.LabelSelectorAsSelector(h.Spec.NamespaceSelector)
		if err != nil { // a host that cannot be understood is open to nobody
			selector = labels.Nothing()
		}
		allowed = selector.Matches(labels.Set(namespace.Labels))
	}
	return placement.Host{
		Name:             h.Name,
		Labels:           h.Labels,
		FailureDomain:    inventory.FailureDomain(h),
		Ready:            conditions.IsTrue(h, infrav1.ReadyCondition),
		Unschedulable:    h.Spec.Scheduling == infrav1.HostSchedulingDisabled || !h.DeletionTimestamp.IsZero(),
		NamespaceAllowed: allowed,
		Allocatable:      capacity.FromStatus(h.Status.Allocatable),
		Unaccounted:      capacity.UnaccountedOn(h, bound),
		Bound:            bound,
	}
}
