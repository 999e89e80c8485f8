// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package altcos expresses in Ignition what ALT Container OS needs to be a Kubernetes node: the profile layer (the same on
// every machine of a template: users, container storage, runtime, kubelet, updates) and the node layer (this machine:
// hostname, network, provider ID).
//
// The zero Profile is the built-in one: altcos with a locked password, the image's own container storage, no automatic
// updates. Inputs are validated here; errors are problem.Problem values with
// the field path of the struct. The package is pure.
package altcos
