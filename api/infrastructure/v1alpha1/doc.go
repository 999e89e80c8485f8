// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 holds the infrastructure kinds of the provider: LibvirtHost, LibvirtCluster and LibvirtMachine.
//
// A zero value always means that the provider chooses; the status has its choice.
//
// +kubebuilder:object:generate=true
// +groupName=infrastructure.cluster.x-k8s.io
package v1alpha1
