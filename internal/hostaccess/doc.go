// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package hostaccess turns a LibvirtHost and the Secret with its credentials into what a connection needs, and knows
// what a LibvirtHost's empty fields mean.
package hostaccess
