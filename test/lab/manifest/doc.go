// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package manifest reads the manifests of Cluster API, of its IPAM provider and of this repository, and turns them into what a
// management cluster without containers needs: CRDs of one version with contract labels, webhooks reached by URL.
package manifest
