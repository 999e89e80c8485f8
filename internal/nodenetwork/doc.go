// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package nodenetwork makes of a machine's network interfaces, as the API has them, what the hypervisor attaches and what
// the guest configures. It is pure: addresses of pools are given to it.
package nodenetwork
