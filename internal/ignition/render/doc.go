// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package render makes a machine's Ignition config of everything that contributes to it. It is the only place that
// knows the order of the layers: profile, bootstrap data, network plugin, node, user. It is pure, and the same input
// always gives the same bytes.
package render
