// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package lifecycle tells the life of a cluster on the demo's lab: it comes to be, loses parts of its hosts, grows, shrinks
// and goes, while the manager crashes all along. The story takes about a quarter of an hour and is started with "make test-lab". It
// begins on a fresh lab: a demo of the same name is removed first.
package lifecycle
