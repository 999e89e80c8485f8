// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package profile translates the profile of our bootstrap kinds into what the renderer of Ignition configs takes. It is
// the place where empty fields of the API get their meaning. The package is pure.
package profile
