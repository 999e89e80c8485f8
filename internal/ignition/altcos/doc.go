// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package altcos says in Ignition what ALT Container OS needs to be a Kubernetes node: the profile layer (the same on
// every machine of a template: users, container storage, runtime, kubelet, updates) and the node layer (this machine:
// hostname, network, provider ID).
//
// The zero Profile is what the provider chooses when nobody says anything: altcos with a locked password, the
// image's own container storage, no updates by itself. Inputs are validated here; errors are problem.Problem values with
// the field path of the struct. The package is pure and knows no Kubernetes types.
package altcos
