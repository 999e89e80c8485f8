// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package watch decides which changes of watched objects wake a controller, and for which objects.
package watch
