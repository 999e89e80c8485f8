// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package sshexec reaches hypervisor hosts over SSH: one connection per host carries scripts and forwarded unix sockets.
// Host keys are pinned, every call ends with its context, and secrets travel only through stdin, never through a command
// line.
package sshexec
