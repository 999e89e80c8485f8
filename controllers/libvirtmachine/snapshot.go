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
	"github.com/altcos/cluster-api-provider-altcos/internal/machinerole"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/placement"
)

// newRequest describes what the machine requires of a host.
func newRequest(s *scope) (placement.Request, error) {
	selectors := []*metav1.LabelSelector{s.lm.Spec.HostSelector}
	if s.infra != nil {
		selectors = append(selectors, s.infra.Spec.HostSelector)
	}
	selector, err := inventory.Selector(selectors...)
	if err != nil {
		return placement.Request{}, outcome.Terminalf(infrav1.LibvirtMachineNoHostFitsReason, "read hostSelector: %w", err)
	}
	return placement.Request{
		UID:           string(s.lm.UID),
		Group:         group(s.lm),
		Requests:      capacity.Requests(s.lm),
		Selects:       func(set map[string]string) bool { return selector.Matches(labels.Set(set)) },
		FailureDomain: s.machine.Spec.FailureDomain,
		Host:          s.lm.Spec.Host,
	}, nil
}

// group names the machines that are spread over hosts together: a control plane, or one deployment.
func group(lm *infrav1.LibvirtMachine) string {
	cluster := lm.Namespace + "/" + lm.Labels[clusterv1.ClusterNameLabel]
	if machinerole.IsControlPlane(lm) {
		return "control-plane/" + cluster
	}
	for _, label := range []string{clusterv1.MachineDeploymentNameLabel, clusterv1.MachineSetNameLabel} {
		if name := lm.Labels[label]; name != "" {
			return "workers/" + cluster + "/" + name
		}
	}
	return "workers/" + cluster
}

// snapshot returns the hosts and the machines on them as the cache has them, without this machine.
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

// boundTo ignores disks outside the host's default pool, which is the only one whose size the host reports.
func boundTo(h *infrav1.LibvirtHost, machines []*infrav1.LibvirtMachine) []placement.Bound {
	var bound []placement.Bound
	for _, lm := range machines {
		requests := capacity.Requests(lm)
		if inventory.PoolOf(lm, h) != inventory.StoragePool(h) {
			requests.DiskBytes = 0
		}
		bound = append(bound, placement.Bound{UID: string(lm.UID), Group: group(lm), Requests: requests})
	}
	return bound
}

func snapshotHost(h *infrav1.LibvirtHost, namespace *corev1.Namespace, bound []placement.Bound) placement.Host {
	return placement.Host{
		Name:             h.Name,
		Labels:           h.Labels,
		FailureDomain:    inventory.FailureDomain(h),
		Ready:            conditions.IsTrue(h, infrav1.ReadyCondition),
		Unschedulable:    h.Spec.Scheduling == infrav1.HostSchedulingDisabled || !h.DeletionTimestamp.IsZero(),
		NamespaceAllowed: inventory.OpenTo(h, namespace),
		Allocatable:      capacity.FromStatus(h.Status.Allocatable),
		Unaccounted:      capacity.UnaccountedOn(h, bound),
		Bound:            bound,
	}
}
