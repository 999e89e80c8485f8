// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ignitiontest shows Ignition configs as text that a person can review, for tests only.
package ignitiontest
