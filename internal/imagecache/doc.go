// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package imagecache keeps images as base volumes on hosts, named after the sha256 of the file at the user's URL:
//
//	img-<sha256>.qcow2 (or .raw)   the image, unpacked
//	img-<sha256>.ok                written last; without it the image counts as incomplete
//
// An image is downloaded once into a bounded directory of the manager, where its digest and its header are checked before
// any of it reaches a host, and is uploaded from there to every host that needs it. Everything may be interrupted at any
// point and called again. Several managers may share a pool: what another one is uploading is left alone until it has not
// grown for a while.
package imagecache
