// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package crd embeds the generated CustomResourceDefinitions for programs that check manifests without a cluster.
package crd

import "embed"

// Bases holds bases/*.yaml, one definition per file.
//
//go:embed bases/*.yaml
var Bases embed.FS
