// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcosbootstrapconfig

import (
	"context"
	"fmt"

	"github.com/altcos/cluster-api-provider-altcos/internal/machinerole"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// skewReason is Cluster API's name for the check, which it does only for MachineSets with a KubeadmConfigTemplate.
const skewReason = string(clusterv1.MachineSetPreflightCheckKubeadmVersionSkew)

// skew returns a warning if no control plane machine has the minor version of the machine that joins. The machine is created
// nevertheless: Cluster API's own check can be skipped too.
func (r *Reconciler) skew(ctx context.Context, s *scope) (string, error) {
	own, known := minor(s.machine)
	if machinerole.IsControlPlane(s.machine) || !known {
		return "", nil
	}
	machines := &clusterv1.MachineList{}
	err := r.Client.List(ctx, machines, client.InNamespace(s.machine.Namespace),
		client.MatchingLabels{clusterv1.ClusterNameLabel: s.cluster.Name}, client.HasLabels{clusterv1.MachineControlPlaneLabel})
	if err != nil {
		return "", fmt.Errorf("list control plane machines: %w", err)
	}
	var other string
	for i := range machines.Items {
		switch theirs, known := minor(&machines.Items[i]); {
		case known && theirs == own:
			return "", nil
		case known:
			other = machines.Items[i].Spec.Version
		}
	}
	if other == "" {
		return "", nil
	}
	return fmt.Sprintf("Machine %q has version %s, and the control plane %s: kubeadm supports only joins of its own minor version; "+
		"upgrade the owner of the Machine together with the control plane", s.machine.Name, s.machine.Spec.Version, other), nil
}

// minor returns the major and the minor part of a Machine's version, if it has one.
func minor(m *clusterv1.Machine) (parts [2]uint, known bool) {
	v, err := version.ParseGeneric(m.Spec.Version)
	if err != nil {
		return parts, false
	}
	return [2]uint{v.Major(), v.Minor()}, true
}
