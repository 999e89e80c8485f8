// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package placement chooses a host for a machine. It is pure: a decision depends on the snapshot, the request and the
// ledger of decisions that the snapshot does not contain yet, never on time or on the order of input.
//
//	snapshot + ledger → filters (may it run there, does it fit) → scores (spread its group, then balance) → decision
package placement
