// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package artifact keeps what the lab builds (binaries, root file systems, disk images) in a content-addressed
// directory outside the source tree, so that a second run starts in seconds.
package artifact
