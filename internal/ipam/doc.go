// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ipam gets addresses from pools through Cluster API's IPAddressClaims. A claim has a deterministic name, so that
// asking again after a crash finds the first one, and a finalizer of ours, so that no address is given to another machine
// while the guest that uses it may be alive.
package ipam
