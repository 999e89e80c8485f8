// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package sshexectest serves SSH inside a test process: commands run in a local shell, sftp works on the local
// file system, unix sockets are forwarded. The contract in this package holds for it and for OpenSSH alike.
package sshexectest
