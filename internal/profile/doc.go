// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package profile validates the specs of our bootstrap kinds and translates their profile into the input of the renderer of
// Ignition configs. It is the place where empty fields of the API get their meaning. The package is pure.
package profile
