// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 holds the bootstrap kinds of the provider: AltcosBootstrapConfig and its template.
//
// A zero value always means that the provider chooses what ALT Container OS needs.
//
// +kubebuilder:object:generate=true
// +groupName=bootstrap.cluster.x-k8s.io
package v1alpha1
