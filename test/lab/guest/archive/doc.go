// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package archive writes container images as docker-archives, from files of this machine and without a registry.
package archive
