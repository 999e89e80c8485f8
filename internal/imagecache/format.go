// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package imagecache

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/therootcompany/xz"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

const (
	// HeaderBytes is enough for the header of qcow2 version 3 and for the first sector.
	HeaderBytes = 512
	// maxWindow is what a zstd frame may need in memory: zstd --long=27, the most that the tool unpacks unasked.
	maxWindow = 128 << 20
	// maxDictionary is what an xz file may need in memory: four times what "xz -9" makes. The file demands it, up
	// to 4 GiB, before its digest is known.
	maxDictionary = 256 << 20
)

// unpack chooses the decompressor by magic bytes, not by names.
func unpack(r io.Reader) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(r, 1<<20)
	magic, err := buffered.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte("\xfd7zXZ\x00")):
		x, err := xz.NewReader(buffered, maxDictionary)
		if err != nil {
			return nil, fmt.Errorf("%w: broken xz file: %w", ErrNotAnImage, err)
		}
		return io.NopCloser(x), nil
	case bytes.HasPrefix(magic, []byte("\x1f\x8b")):
		g, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("%w: broken gzip file: %w", ErrNotAnImage, err)
		}
		return g, nil
	case bytes.HasPrefix(magic, []byte("\x28\xb5\x2f\xfd")):
		z, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, fmt.Errorf("%w: broken zstd file: %w", ErrNotAnImage, err)
		}
		return z.IOReadCloser(), nil
	}
	return io.NopCloser(buffered), nil
}

// CheckVolume checks that a volume which a person put on a host begins like an image; header are its first HeaderBytes.
// Unlike a download it may have a backing file: who put it there chose that, not who uses it. Errors: ErrNotAnImage.
func CheckVolume(header []byte) error {
	const backingFile, backingFileEnd = 8, 20
	if len(header) >= backingFileEnd {
		header = bytes.Clone(header)
		clear(header[backingFile:backingFileEnd])
	}
	_, err := identify(header)
	return err
}

// identify returns the format of a file by its beginning. Layout of qcow2: docs/interop/qcow2.txt of QEMU. An image that
// names other files is refused: the hypervisor would open them for the guest.
func identify(header []byte) (virt.VolumeFormat, error) {
	if bytes.HasPrefix(header, []byte("QFI\xfb")) {
		return virt.VolumeQCOW2, checkQCOW2(header)
	}
	if len(header) >= 512 && header[510] == 0x55 && header[511] == 0xaa {
		return virt.VolumeRaw, nil
	}
	return "", fmt.Errorf("%w: neither qcow2 nor a raw disk with a partition table", ErrNotAnImage)
}

func checkQCOW2(header []byte) error {
	const (
		minHeader        = 72
		incompatibleEnd  = 80
		externalDataFile = 1 << 2
	)
	invalid := func(format string, args ...any) error {
		return fmt.Errorf("%w: qcow2 %s", ErrNotAnImage, fmt.Sprintf(format, args...))
	}
	if len(header) < minHeader {
		return invalid("header is cut off")
	}
	be := binary.BigEndian
	version := be.Uint32(header[4:])
	clusterBits := be.Uint32(header[20:])
	size := be.Uint64(header[24:])
	switch {
	case version != 2 && version != 3:
		return invalid("version %d", version)
	case be.Uint64(header[8:]) != 0 || be.Uint32(header[16:]) != 0:
		return invalid("has a backing file")
	case clusterBits < 9 || clusterBits > 21:
		return invalid("has clusters of 2^%d bytes", clusterBits)
	case size == 0 || size > 1<<50:
		return invalid("has a virtual size of %d bytes", size)
	case be.Uint32(header[32:]) != 0:
		return invalid("is encrypted")
	case version == 3 && len(header) < incompatibleEnd:
		return invalid("header is cut off")
	case version == 3 && be.Uint64(header[72:])&externalDataFile != 0:
		return invalid("has an external data file")
	}
	return nil
}
