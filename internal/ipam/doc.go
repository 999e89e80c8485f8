// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ipam gets addresses from pools through Cluster API's IPAddressClaims. A claim has a deterministic name, so that it
// is found again after a crash, and a finalizer of ours, so that its address is not allocated to another machine while the
// guest that uses it may be running.
package ipam
