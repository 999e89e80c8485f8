// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ignition builds Ignition configs of spec 3.2.0, which every ALT Container OS accepts, out of named layers.
//
// A layer holds Ignition's own types; layers are merged in order by Ignition's own rules (the later wins, appended
// text accumulates, string lists unite), validated by Ignition's own validation and written as canonical JSON: the
// same layers always give the same bytes. The package is pure.
package ignition
