// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package hosturi reads the URIs by which libvirt hosts are named. It is pure, so that admission may refuse what the
// adapter could not use.
package hosturi
