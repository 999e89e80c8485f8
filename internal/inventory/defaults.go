// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"cmp"
	"strings"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

// What a LibvirtHost's empty fields mean.
const (
	DefaultBridge      = "br0"
	DefaultStoragePool = "default"
)

// Bridge returns the bridge that machines on the host are attached to.
func Bridge(host *infrav1.LibvirtHost) string { return cmp.Or(host.Spec.Bridge, DefaultBridge) }

// StoragePool returns the storage pool that machines on the host use.
func StoragePool(host *infrav1.LibvirtHost) string {
	return cmp.Or(host.Spec.StoragePool, DefaultStoragePool)
}

// FailureDomain returns the failure domain that machines on the host report.
func FailureDomain(host *infrav1.LibvirtHost) string {
	return cmp.Or(host.Spec.FailureDomain, host.Name)
}

// HasShell says whether the host's URI gives a way to run commands on it.
func HasShell(host *infrav1.LibvirtHost) bool { return strings.HasPrefix(host.Spec.URI, "qemu+ssh://") }

// CarriesLoadBalancers says whether the host may run haproxy and keepalived for clusters.
func CarriesLoadBalancers(host *infrav1.LibvirtHost) bool {
	return HasShell(host) && host.Spec.LoadBalancer != infrav1.HostLoadBalancerDisabled
}
