// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

// Resources are what a machine asks for or a host offers.
type Resources struct {
	// VCPUs counts virtual CPUs; a host's number has its overcommit ratio already applied.
	VCPUs int64
	// MemoryBytes and DiskBytes are in bytes.
	MemoryBytes int64
	DiskBytes   int64
}

// Plus adds.
func (r Resources) Plus(o Resources) Resources {
	return Resources{r.VCPUs + o.VCPUs, r.MemoryBytes + o.MemoryBytes, r.DiskBytes + o.DiskBytes}
}

// Minus subtracts; results may be negative.
func (r Resources) Minus(o Resources) Resources {
	return Resources{r.VCPUs - o.VCPUs, r.MemoryBytes - o.MemoryBytes, r.DiskBytes - o.DiskBytes}
}

// Allocatable returns what machines may use of a host: physical CPUs times the ratio in percent (100 is one virtual CPU
// per processor), memory and disk as they are, minus the reserve, never below zero.
func Allocatable(physical, reserve Resources, cpuPercent int64) Resources {
	left := Resources{physical.VCPUs * cpuPercent / 100, physical.MemoryBytes, physical.DiskBytes}.Minus(reserve)
	return Resources{max(left.VCPUs, 0), max(left.MemoryBytes, 0), max(left.DiskBytes, 0)}
}

// Snapshot is what is known of all hosts at one moment.
type Snapshot struct {
	Hosts []Host
}

// Host is a hypervisor as placement sees it.
type Host struct {
	Name          string
	Labels        map[string]string
	FailureDomain string
	Ready         bool
	// Unschedulable hosts keep what they have and get nothing new.
	Unschedulable bool
	// NamespaceAllowed says that the host may be used by the namespace of the request.
	NamespaceAllowed bool
	// Allocatable is what machines may use of it altogether.
	Allocatable Resources
	// Foreign is what others take of it. It comes on top of Bound.
	Foreign Resources
	// Bound are the machines that are on the host, or chosen for it in a way that everybody sees.
	Bound []Bound
}

// Bound is a machine that takes resources of a host.
type Bound struct {
	UID string
	// Group is what spreads over hosts: the control plane of a cluster, or a machine deployment.
	Group    string
	Requests Resources
}

// Request is a machine that needs a host.
type Request struct {
	UID      string
	Group    string
	Requests Resources
	// Selects says whether the labels of a host are acceptable; nil accepts all.
	Selects func(labels map[string]string) bool
	// FailureDomain is the only acceptable one; empty accepts all.
	FailureDomain string
	// Host is the only acceptable host; empty accepts all.
	Host string
}
