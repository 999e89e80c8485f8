// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"time"

	rpc "github.com/digitalocean/go-libvirt"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// Aside runs one call on a connection of its own, for as long as the context allows.
func (s *Session) Aside(ctx context.Context, f func(*rpc.Libvirt) error) error {
	return s.asideOver(ctx, s.dial, f)
}

func (s *Session) asideOver(ctx context.Context, dial dialer, f func(*rpc.Libvirt) error) error {
	dialing, cancel := context.WithTimeout(ctx, s.Limits.Dial)
	defer cancel()
	other, err := connect(dialing, dial, s.Limits.Stall)
	if err != nil {
		return err
	}
	defer other.conn.end()
	stop := context.AfterFunc(ctx, other.conn.end)
	defer stop()
	if err := other.run(f); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("await answer: %w: %w", virt.ErrUnreachable, context.Cause(ctx))
		}
		return Classify(err)
	}
	return nil
}

// downloadTime is far above what a download of a few bytes takes once the connection stands.
const downloadTime = 10 * time.Second

// Download reads that many bytes of the beginning of a file.
func (s *Session) Download(ctx context.Context, found rpc.StorageVol, length int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Limits.Dial+downloadTime)
	defer cancel()
	dial := func(ctx context.Context) (net.Conn, error) {
		raw, err := s.dial(ctx)
		if err != nil {
			return nil, err
		}
		return &orderedStream{Conn: raw, answered: map[uint32]bool{}}, nil
	}
	var start bytes.Buffer // a sink that fails would lock the library up
	err := s.asideOver(ctx, dial, func(c *rpc.Libvirt) error {
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
