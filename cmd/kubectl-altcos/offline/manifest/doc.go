// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package manifest reads manifests as strictly as an API server with our definitions and webhooks does.
package manifest
