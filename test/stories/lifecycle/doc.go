// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package lifecycle is an end-to-end test of a cluster on the demo's lab: it is created, loses parts of its hosts, grows, shrinks
// and is deleted, while the manager is killed repeatedly. It takes about a quarter of an hour and is started with
// "make test-lab". It begins on a fresh lab: a demo of the same name is removed first.
package lifecycle
