// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package offline renders what the controllers would make of manifests, without a cluster and without hosts. It runs
// the controllers themselves: on an API server in memory that holds the manifests, and on hypervisors in memory.
// What the manifests leave out and a cluster would have (Machines, addresses of pools, the kubeadm bootstrap data) is
// filled in, with a warning where this shows in the result.
package offline
