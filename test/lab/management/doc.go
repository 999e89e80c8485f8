// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package management runs a management cluster as ordinary child processes: etcd, kube-apiserver, kube-controller-manager,
// the Cluster API managers, the in-cluster IPAM provider, and the managers that are added later. No containers, no kubelet.
//
// All its state is in one directory, so that Start can be repeated: certificates, ports and data are kept, healthy
// processes are left alone, others are started again. Processes are ended by PID and start time, never by name.
package management
