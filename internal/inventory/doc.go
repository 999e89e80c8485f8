// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package inventory knows the hosts of the inventory: how each is reached with the Secret that holds its credentials, what
// the empty fields of a LibvirtHost mean, and which of its addresses are its own.
package inventory
