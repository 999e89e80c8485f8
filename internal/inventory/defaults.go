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

// StoragePool returns the storage pool that machines on the host use unless they name another one.
func StoragePool(host *infrav1.LibvirtHost) string {
	return cmp.Or(host.Spec.StoragePool, DefaultStoragePool)
}

// PoolOf returns the storage pool of the machine's volumes on the host.
func PoolOf(machine *infrav1.LibvirtMachine, host *infrav1.LibvirtHost) string {
	return cmp.Or(machine.Spec.StoragePool, StoragePool(host))
}

// FailureDomain returns the failure domain that machines on the host report.
func FailureDomain(host *infrav1.LibvirtHost) string {
	return cmp.Or(host.Spec.FailureDomain, host.Name)
}

// HasShell reports whether the host's URI gives a way to run commands on it.
func HasShell(host *infrav1.LibvirtHost) bool { return strings.HasPrefix(host.Spec.URI, "qemu+ssh://") }

// CarriesLoadBalancers reports whether the host may run haproxy and keepalived for clusters.
func CarriesLoadBalancers(host *infrav1.LibvirtHost) bool {
	return HasShell(host) && host.Spec.LoadBalancer != infrav1.HostLoadBalancerDisabled
}
