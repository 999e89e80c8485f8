// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package binaries builds, from Go modules pinned below hack/tools, the programs that the lab cannot download: Kubernetes,
// etcd, Cluster API, CRI-O, Ignition and the add-ons of a workload cluster. Products live in an artifact store; a set is
// built again only when its module, its flags or the Go version change.
package binaries
