// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package butane reads what a user adds to a machine: Butane, or plain Ignition JSON of a spec up to 3.2.0.
//
// It is strict: Butane's warnings (unknown keys above all) are errors, with line and column of the user's text. Files
// of the manager's own disk cannot be included.
package butane
