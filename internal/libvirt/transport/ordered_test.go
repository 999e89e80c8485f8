// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

func packetOf(kind, serial uint32, payload string) []byte {
	packet := make([]byte, frameHeader, frameHeader+len(payload))
	binary.BigEndian.PutUint32(packet, uint32(frameHeader+len(payload)))
	binary.BigEndian.PutUint32(packet[frameType:], kind)
	binary.BigEndian.PutUint32(packet[frameSerial:], serial)
	return append(packet, payload...)
}

// TestOrderedStream sends what libvirtd 9.0 was seen to send, read in bytes.
func TestOrderedStream(t *testing.T) {
	const event = 2
	for name, sent := range map[string][][]byte{
		"the answer comes first": {
			packetOf(typeReply, 1, "open"), packetOf(typeReply, 3, "answer"), packetOf(event, 0, "event"),
			packetOf(typeStream, 3, "data"), packetOf(typeStream, 3, ""), packetOf(typeReply, 4, "next"),
		},
		"the answer comes after data": {
			packetOf(typeReply, 1, "open"), packetOf(typeStream, 3, "data"), packetOf(typeReply, 3, "answer"),
			packetOf(event, 0, "event"), packetOf(typeStream, 3, ""), packetOf(typeReply, 4, "next"),
		},
		"the answer comes last": {
			packetOf(typeReply, 1, "open"), packetOf(typeStream, 3, "data"), packetOf(typeStream, 3, ""), packetOf(event, 0, "event"),
			packetOf(typeReply, 3, "answer"), packetOf(typeReply, 4, "next"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, payload := range readOrdered(t, sent) {
				if payload != "event" {
					got = append(got, payload)
				}
			}
			assert.Equal(t, []string{"open", "answer", "data", "", "next"}, got)
		})
	}
}

func readOrdered(t *testing.T, sent [][]byte) (payloads []string) {
	t.Helper()
	there, here := net.Pipe()
	go func() {
		for _, packet := range sent {
			_, _ = there.Write(packet)
		}
		_ = there.Close()
	}()
	s := &orderedStream{Conn: here, answered: map[uint32]bool{}}
	for {
		packet, err := readPacket(&oneByOne{s})
		if errors.Is(err, io.EOF) {
			return payloads
		}
		assert.NoError(t, err)
		payloads = append(payloads, string(packet[frameHeader:]))
	}
}

type oneByOne struct{ io.Reader }

func (o *oneByOne) Read(p []byte) (int, error) { return o.Reader.Read(p[:min(1, len(p))]) }

func TestOrderedStream_refusesNonsense(t *testing.T) {
	for name, length := range map[string]uint32{"short": frameHeader - 1, "long": maxPacket + 1} {
		there, here := net.Pipe()
		go func() { _ = binary.Write(there, binary.BigEndian, length) }()
		if _, err := (&orderedStream{Conn: here}).Read(make([]byte, 1)); !errors.Is(err, virt.ErrUnreachable) {
			t.Errorf("%s packet: error is %v", name, err)
		}
		_, _ = there.Close(), here.Close()
	}
}
