// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package placement chooses a host for a machine. It is pure: a decision depends on the snapshot, the request and the
// ledger of choices that the snapshot does not show yet, never on time or input order.
//
//	snapshot + ledger → filters (may it run there, does it fit) → scores (spread its group, then balance) → decision
package placement
