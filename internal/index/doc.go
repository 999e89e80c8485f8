// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package index names the fields that the manager's cache is indexed by, and finds objects through them.
package index
