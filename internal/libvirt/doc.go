// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package libvirt implements package virt over libvirt's RPC protocol: domains, volumes and what a host has, on sessions of
// package transport.
package libvirt
