// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package bootstrapdata tells what a Machine's bootstrap Secret holds and refuses what no ALT Container OS can use.
package bootstrapdata
