// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

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
