// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package phase runs the steps of a reconciliation over a scope, the data that the steps read and gather, and keeps a
// Record of how each went. Conditions, events, log lines and the result for controller-runtime are derived from the record
// alone, in the same way for every kind.
package phase
