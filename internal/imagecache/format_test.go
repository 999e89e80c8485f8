// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package imagecache_test

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/internal/imagecache"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/virttest"
)

func TestCheckVolume(t *testing.T) {
	changed := func(change func([]byte)) []byte {
		header := virttest.QCOW2(1 << 30)[:imagecache.HeaderBytes]
		change(header)
		return header
	}
	disk := make([]byte, imagecache.HeaderBytes)
	disk[510], disk[511] = 0x55, 0xaa
	for name, c := range map[string]struct {
		header []byte
		fine   bool
	}{
		"qcow2":                      {changed(func([]byte) {}), true},
		"qcow2 on another file":      {changed(func(h []byte) { h[15], h[19] = 104, 10 }), true},
		"qcow2 with an outside file": {changed(func(h []byte) { binary.BigEndian.PutUint64(h[72:], 1<<2) }), false},
		"encrypted qcow2":            {changed(func(h []byte) { h[35] = 2 }), false},
		"qcow2 that is cut off":      {[]byte("QFI\xfb\x00\x00\x00\x03"), false},
		"disk with partitions":       {disk, true},
		"text":                       {[]byte(strings.Repeat("not an image ", 100))[:imagecache.HeaderBytes], false},
		"nothing":                    {nil, false},
		"xz":                         {append([]byte("\xfd7zXZ\x00"), disk[:100]...), false},
	} {
		t.Run(name, func(t *testing.T) {
			err := imagecache.CheckVolume(c.header)
			if c.fine != (err == nil) || err != nil && !errors.Is(err, imagecache.ErrNotAnImage) {
				t.Errorf("error is %v", err)
			}
		})
	}
}
