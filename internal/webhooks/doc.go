// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package webhooks holds nothing but the tests of the packages below it, through a real API server.
package webhooks
