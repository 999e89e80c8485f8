// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package manager wires what the binary runs: options, caches, adapters, controllers and webhooks. It holds no logic of
// its own.
package manager
