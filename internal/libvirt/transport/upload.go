// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	rpc "github.com/digitalocean/go-libvirt"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

const (
	// chunkBytes is what goes into one packet; libvirt takes up to 4 MiB.
	chunkBytes = 1 << 20
	// readerGrace is how long a transfer that is over waits for a content that is still being read.
	readerGrace = time.Second
	// abortGrace is how long libvirtd may take to confirm that a transfer is aborted. Cutting the connection instead
	// can end libvirtd: version 9.0 was seen to fail when a client with a stream disappears.
	abortGrace = 2 * time.Second
)

// Upload sends the content of a volume over a connection of its own. One goroutine reads it and one talks to libvirtd, so
// that neither a content nor a host that hangs can hold the caller. check judges the first bytes.
func (s *Session) Upload(
	ctx context.Context, found rpc.StorageVol, content io.Reader, size int64, check func(start []byte) error,
) error {
	dialing, cancel := context.WithTimeout(ctx, s.Limits.Dial)
	defer cancel()
	aside, err := connect(dialing, s.dial, s.Limits.Stall)
	if err != nil {
		return err
	}
	defer aside.conn.end()
	u := &upload{aside: aside, confirmation: s.Limits.SlowCall, fed: make(chan error, 1), sent: make(chan error, 1)}
	u.packets, u.feed = io.Pipe()
	go func() {
		err := feedExactly(impatientWriter{u.feed, s.Limits.Stall, aside.conn.end}, content, size, check)
		_ = u.feed.CloseWithError(err)
		u.fed <- err
	}()
	go func() {
		u.sent <- aside.run(func(c *rpc.Libvirt) error { return c.StorageVolUpload(found, u.packets, 0, uint64(size), 0) })
	}()
	return u.await(ctx)
}

// upload is a transfer that runs: fed and sent get the results of the goroutine that reads and of the one that sends.
type upload struct {
	aside        *connection
	confirmation time.Duration
	packets      *io.PipeReader
	feed         *io.PipeWriter
	fed, sent    chan error
}

// await waits for the end of both goroutines. An error of the content counts before one of the host.
func (u *upload) await(ctx context.Context) error {
	var read, sent error
	select {
	case read = <-u.fed:
		sent = u.awaitConfirmation(ctx, read != nil)
	case sent = <-u.sent:
		_ = u.packets.CloseWithError(errTransferOver)
		read = awaitReader(u.fed)
	case <-ctx.Done():
		_ = u.feed.CloseWithError(errTransferOver)
		late := time.AfterFunc(abortGrace, u.aside.conn.end)
		defer late.Stop()
		<-u.sent
		_ = awaitReader(u.fed)
		return fmt.Errorf("transfer content: %w", context.Cause(ctx))
	}
	if read != nil && !errors.Is(read, errTransferOver) {
		return read
	}
	if sent != nil {
		return Classify(fmt.Errorf("transfer content: %w", sent))
	}
	return nil
}

// awaitConfirmation waits for libvirtd to confirm the end of the transfer, or that it is aborted.
func (u *upload) awaitConfirmation(ctx context.Context, aborted bool) error {
	limit := u.confirmation
	if aborted {
		limit = abortGrace
	}
	late := time.AfterFunc(limit, u.aside.conn.end)
	defer late.Stop()
	stop := context.AfterFunc(ctx, u.aside.conn.end)
	defer stop()
	return <-u.sent
}

// impatientWriter calls giveUp when a write takes too long: then the host does not answer the call that begins the
// transfer, or takes no more packets.
type impatientWriter struct {
	io.Writer
	limit  time.Duration
	giveUp func()
}

// Write implements io.Writer.
func (w impatientWriter) Write(p []byte) (int, error) {
	timer := time.AfterFunc(w.limit, w.giveUp)
	defer timer.Stop()
	return w.Writer.Write(p)
}

// errTransferOver tells the reading goroutine that nobody takes the content any more.
var errTransferOver = errors.New("transfer is over")

// awaitReader gives the reading goroutine the time to leave the content alone. One that hangs in it is left behind.
func awaitReader(fed <-chan error) error {
	select {
	case err := <-fed:
		return err
	case <-time.After(readerGrace):
		return errTransferOver
	}
}

// feedExactly copies size bytes. A content that is shorter or longer is an error: libvirt would store it silently, or
// call it a lack of space. Errors of content are passed on as they are.
func feedExactly(feed io.Writer, content io.Reader, size int64, check func(start []byte) error) error {
	buffer := make([]byte, min(chunkBytes, size))
	for done := int64(0); done < size; {
		n, err := io.ReadFull(content, buffer[:min(int64(len(buffer)), size-done)])
		if done == 0 {
			if err := check(buffer[:n]); err != nil {
				return err
			}
		}
		done += int64(n)
		if _, err := feed.Write(buffer[:n]); err != nil {
			return err
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return fmt.Errorf("content has %d of %d bytes: %w", done, size, io.ErrUnexpectedEOF)
		case err != nil:
			return err
		}
	}
	switch n, err := io.ReadFull(content, buffer[:1]); {
	case n > 0:
		return fmt.Errorf("%w: content is longer than %d bytes", virt.ErrInvalid, size)
	case errors.Is(err, io.EOF):
		return nil
	default:
		return err
	}
}
