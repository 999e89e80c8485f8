// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package transport connects to libvirtd: over SSH, TLS or a unix socket.
//
// The client library knows no contexts, deadlines or keep-alive and can be blocked for ever by one bad stream. Hence a
// Pool keeps one session per host; a session is one connection with one client object, never used again once the
// connection is gone; every call runs in a goroutine of its own and its caller leaves when its context ends; a probe finds
// a host that no longer answers and closes the connection, which ends all calls; transfers and copies use connections of
// their own. Errors of libvirt, SSH and the network are turned into those of package virt in one table.
package transport
