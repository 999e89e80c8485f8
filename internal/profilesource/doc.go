// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package profilesource reads what a profile refers to in the management cluster: configs in Secrets and ConfigMaps, and
// the key pair with which control planes log in to the machines of their cluster, which it creates if it does not exist.
// Both controllers that render Ignition configs go through it.
package profilesource
