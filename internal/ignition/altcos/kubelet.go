// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos

import "github.com/altcos/cluster-api-provider-altcos/internal/ignition"

// kubelet replaces the image's drop-in, which knows neither kubeadm's files nor flags of today. It must have the
// image's own name: kubeadm.conf sorts after every other drop-in of the packages and wins over them.
// Profile and node layer both bring it, so that a node has its provider ID whatever its bootstrap data was.
// KUBELET_NODE_ARGS come before those of kubeadm, so that a user's node-ip wins over ours. KUBELET_PROVIDER_ARGS
// come last: the machine is only found by its own provider ID.
func kubelet(b *ignition.Builder) {
	b.Dropin("kubelet.service", "kubeadm.conf", ignition.UnitText{}.Section("Service",
		ignition.Set("Environment", `"KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"`),
		ignition.Set("Environment", `"KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"`),
		ignition.Set("EnvironmentFile", "-/var/lib/kubelet/kubeadm-flags.env"),
		ignition.Set("EnvironmentFile", "-/etc/default/kubelet"),
		ignition.Set("EnvironmentFile", "-/etc/sysconfig/kubelet"),
		ignition.Set("ExecStart", ""),
		ignition.Set("ExecStart", "/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_NODE_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS $KUBELET_PROVIDER_ARGS"),
	))
}
