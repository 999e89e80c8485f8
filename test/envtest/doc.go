// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package envtest starts an API server with the kinds of this repository and of Cluster API for tests of controllers and
// webhooks. The programs come from $KUBEBUILDER_ASSETS or, when that is not set, are built once from pinned modules.
package envtest
