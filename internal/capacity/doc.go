// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package capacity computes what machines request of hosts and what else is allocated on hosts. It is pure. The requests of
// bound machines and what is unaccounted for add up to what is allocated on a host, in whatever order a machine's object,
// its domain and its disks appear and disappear: a machine without a domain does not hide the domains of others.
package capacity
