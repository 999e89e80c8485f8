// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package bootstrapdata reads a Machine's bootstrap Secret and refuses what no ALT Container OS can use.
package bootstrapdata
