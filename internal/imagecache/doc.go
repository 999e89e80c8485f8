// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package imagecache keeps images as base volumes on hosts, named by the sha256 of the file that the user named:
//
//	img-<sha256>.qcow2 (or .raw)   the image, unpacked
//	img-<sha256>.ok                written last; without it the image is not whole, whatever it looks like
//
// An image is downloaded once into a bounded directory of the manager, where its digest and its header are checked
// before any host sees a byte, and goes from there to every host that needs it. Everything can be cut off at any point
// and be called again. Several managers may share a pool: what another one is uploading is left alone until it has
// stopped growing for a while.
package imagecache
