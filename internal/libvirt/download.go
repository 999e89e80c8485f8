// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirt

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	rpc "github.com/digitalocean/go-libvirt"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// downloadTime is far above what a download of a few bytes takes once the connection stands.
const downloadTime = 10 * time.Second

// ReadVolume implements virt.Volumes.
func (h *host) ReadVolume(ctx context.Context, ref virt.VolumeRef, limit int) ([]byte, error) {
	start, err := h.readVolume(ctx, ref, limit)
	if err != nil {
		return nil, fmt.Errorf("read start of volume %q in pool %q of host %q: %w", ref.Name, ref.Pool, h.name, err)
	}
	return start, nil
}

func (h *host) readVolume(ctx context.Context, ref virt.VolumeRef, limit int) ([]byte, error) {
	found, err := h.lookupVolume(ctx, ref)
	if err != nil {
		return nil, err
	}
	v, err := h.describeVolume(ctx, found)
	if err != nil {
		return nil, err
	}
	want := min(int64(limit), v.PhysicalBytes)
	if want <= 0 { // libvirt would send all that there is
		return nil, nil
	}
	return h.download(ctx, found, want)
}

// download reads that many bytes of the beginning of a file.
func (h *host) download(ctx context.Context, found rpc.StorageVol, length int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, h.limits.Dial+downloadTime)
	defer cancel()
	dial := func(ctx context.Context) (net.Conn, error) {
		raw, err := h.dial(ctx)
		if err != nil {
			return nil, err
		}
		return &orderedStream{Conn: raw, answered: map[uint32]bool{}}, nil
	}
	var start bytes.Buffer // a sink that fails would lock the library up
	err := h.asideOver(ctx, dial, func(c *rpc.Libvirt) error {
		return c.StorageVolDownload(found, &start, 0, uint64(length), 0)
	})
	if err != nil {
		return nil, err // start may still be written to
	}
	if int64(start.Len()) != length {
		return nil, fmt.Errorf("host has sent %d of %d bytes: %w", start.Len(), length, io.ErrUnexpectedEOF)
	}
	return start.Bytes(), nil
}

// orderedStream gives the client library the packets of a stream after the answer to the call that begins it. libvirtd
// 9.0 sends a short stream now and then ahead of that answer. The library would take the data for the answer and lock
// itself up for ever when the answer comes.
type orderedStream struct {
	net.Conn
	// answered are the calls whose answers have passed, by serial number; held are packets of streams of other calls.
	answered map[uint32]bool
	held     []byte
	// ready is what the library reads next.
	ready []byte
}

// The frame of a packet: its length, and a header of six words. See libvirt's docs/kbase/internals/rpc.rst.
const (
	frameLength = 4
	frameHeader = frameLength + 6*4
	frameType   = frameLength + 3*4
	frameSerial = frameLength + 4*4
	// maxPacket is libvirt's own limit.
	maxPacket = 32 << 20

	typeReply  = 1
	typeStream = 3
)

// Read implements net.Conn.
func (s *orderedStream) Read(p []byte) (int, error) {
	for len(s.ready) == 0 {
		packet, err := readPacket(s.Conn)
		if err != nil {
			return 0, err
		}
		s.sort(packet)
	}
	n := copy(p, s.ready)
	s.ready = s.ready[n:]
	return n, nil
}

// sort knows of one stream on the connection.
func (s *orderedStream) sort(packet []byte) {
	serial := binary.BigEndian.Uint32(packet[frameSerial:])
	switch binary.BigEndian.Uint32(packet[frameType:]) {
	case typeStream:
		if !s.answered[serial] {
			s.held = append(s.held, packet...)
			return
		}
	case typeReply:
		s.answered[serial] = true
		if len(s.held) > 0 && binary.BigEndian.Uint32(s.held[frameSerial:]) == serial {
			packet, s.held = append(packet, s.held...), nil
		}
	}
	s.ready = packet
}

func readPacket(r io.Reader) ([]byte, error) {
	length := make([]byte, frameLength)
	if _, err := io.ReadFull(r, length); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(length)
	if size < frameHeader || size > maxPacket {
		return nil, fmt.Errorf("%w: packet of %d bytes", virt.ErrUnreachable, size)
	}
	packet := make([]byte, size)
	copy(packet, length)
	_, err := io.ReadFull(r, packet[frameLength:])
	return packet, err
}
