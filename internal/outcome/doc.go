// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package outcome names how a phase can end: done (nil), Wait, Blocked (a person must act), Terminal (only another spec
// helps), or failed for now (any other error, retried with back-off). Conditions, events, logs and the controller's result
// all come from it.
package outcome
