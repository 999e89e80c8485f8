// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

// Resources are what a machine requests or a host has.
type Resources struct {
	// VCPUs counts virtual CPUs; a host's number has its overcommit ratio already applied.
	VCPUs int64
	// MemoryBytes and DiskBytes are in bytes.
	MemoryBytes int64
	DiskBytes   int64
}

// Minus subtracts; results may be negative.
func (r Resources) Minus(o Resources) Resources {
	return Resources{r.VCPUs - o.VCPUs, r.MemoryBytes - o.MemoryBytes, r.DiskBytes - o.DiskBytes}
}

// Snapshot is the state of all hosts at one moment.
type Snapshot struct {
	Hosts []Host
}

// Host is a hypervisor as placement sees it.
type Host struct {
	Name          string
	Labels        map[string]string
	FailureDomain string
	Ready         bool
	// Unschedulable hosts keep their machines and get no new ones.
	Unschedulable bool
	// NamespaceAllowed means that the namespace of the request may use the host.
	NamespaceAllowed bool
	// Allocatable is what may be allocated to machines in total.
	Allocatable Resources
	// Unaccounted is what is allocated on the host besides Bound.
	Unaccounted Resources
	// Bound are the machines on the host, including those whose objects name it although they are not there yet.
	Bound []Bound
}

// Bound is a machine that uses resources of a host.
type Bound struct {
	UID string
	// Group is the set of machines that is spread over hosts: the control plane of a cluster, or a machine deployment.
	Group    string
	Requests Resources
}

// Request is a machine that needs a host.
type Request struct {
	UID      string
	Group    string
	Requests Resources
	// Selects reports whether a host with these labels is acceptable; nil accepts all.
	Selects func(labels map[string]string) bool
	// FailureDomain is the only acceptable one; empty accepts all.
	FailureDomain string
	// Host is the only acceptable host; empty accepts all.
	Host string
}
