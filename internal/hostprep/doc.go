// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package hostprep checks whether a hypervisor host has what the provider needs (packages, programs, a bridge, no packet
// filter between bridge ports) and, when its administrator agreed, installs and sets what is missing. It also removes logs of
// machines that are gone.
package hostprep
