// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package capacity counts what machines ask of hosts and what hosts carry besides. It is pure. What is foreign and what
// bound machines ask for add up to what a host has promised, in whatever order a machine's object, its domain and its disks
// come and go: a machine that the host does not know yet hides nothing of what others have there.
package capacity
