// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package manifests holds what users apply against a real API server: samples, and templates as clusterctl processes them.
package manifests
