// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package firstboot runs the real Ignition programs, which we did not write, on configs that we render: the validators
// and the engine of Debian 12 (2.14, the age of the first ALT Container OS images) and of the module that hack/tools pins.
// The engine applies a config to a directory, and the package reads back what it did. Applying needs root.
package firstboot
