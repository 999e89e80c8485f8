// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package virttest

import "encoding/binary"

// QCOW2 returns a valid, empty qcow2 version 3 image of the given virtual size in bytes (at most 512 GiB), 256 KiB long.
func QCOW2(virtualSize int64) []byte {
	const cluster = 64 << 10
	image := make([]byte, 4*cluster)
	be := binary.BigEndian
	copy(image, "QFI\xfb")
	be.PutUint32(image[4:], 3)
	be.PutUint32(image[20:], 16) // cluster bits
	be.PutUint64(image[24:], uint64(virtualSize))
	be.PutUint32(image[36:], uint32((virtualSize+(512<<20)-1)/(512<<20))) // entries of L1, each for 512 MiB
	be.PutUint64(image[40:], 3*cluster)                                   // L1 table
	be.PutUint64(image[48:], 1*cluster)                                   // refcount table
	be.PutUint32(image[56:], 1)                                           // clusters of it
	be.PutUint32(image[96:], 4)                                           // refcounts of 16 bits
	be.PutUint32(image[100:], 104)                                        // header length
	be.PutUint64(image[1*cluster:], 2*cluster)                            // refcount block
	for i := range 4 {
		be.PutUint16(image[2*cluster+2*i:], 1)
	}
	return image
}
