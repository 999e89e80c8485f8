// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirt

import (
	"context"
	"encoding/binary"
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

// WriteVolume implements virt.Volumes.
func (h *host) WriteVolume(ctx context.Context, spec virt.VolumeSpec, content io.Reader, size int64) (virt.Volume, error) {
	v, err := h.writeVolume(ctx, spec, content, size)
	if err != nil {
		return virt.Volume{}, fmt.Errorf("write volume %q in pool %q of host %q: %w", spec.Name, spec.Pool, h.name, err)
	}
	return v, nil
}

func (h *host) writeVolume(ctx context.Context, spec virt.VolumeSpec, content io.Reader, size int64) (virt.Volume, error) {
	if spec.Backing != nil || spec.Source != nil || size <= 0 {
		return virt.Volume{}, fmt.Errorf("%w: content of %d bytes, or with a backing or source", virt.ErrInvalid, size)
	}
	spec.CapacityBytes = size
	if err := checkVolume(spec); err != nil {
		return virt.Volume{}, err
	}
	pool, err := h.lookupPool(ctx, spec.Pool)
	if err != nil {
		return virt.Volume{}, err
	}
	if err := h.checkSpace(ctx, pool, size); err != nil {
		return virt.Volume{}, err
	}
	// A raw volume is a file of exactly its capacity; a qcow2 one would have a header and a size of its own.
	blank := spec
	blank.Format = virt.VolumeRaw
	created, err := h.create(ctx, pool, describe(blank))
	if err != nil {
		return virt.Volume{}, err
	}
	v, err := h.fill(ctx, pool, created, spec, content, size)
	if err != nil {
		return virt.Volume{}, errors.Join(err, h.discard(context.WithoutCancel(ctx), spec.VolumeRef, h.limits.Cleanup))
	}
	return v, nil
}

// fill transfers the content and compares what the host has with it.
func (h *host) fill(
	ctx context.Context, pool rpc.StoragePool, created rpc.StorageVol, spec virt.VolumeSpec, content io.Reader, size int64,
) (virt.Volume, error) {
	if err := h.transfer(ctx, created, content, size); err != nil {
		return virt.Volume{}, h.explain(ctx, pool, err)
	}
	if spec.Format == virt.VolumeQCOW2 {
		// libvirt learns from a refresh only that the file is an image, and how large the disk in it.
		if err := h.refresh(ctx, pool, patient); err != nil {
			return virt.Volume{}, err
		}
	}
	v, err := h.volume(ctx, spec.VolumeRef)
	if err != nil {
		return virt.Volume{}, err
	}
	if v.PhysicalBytes != size {
		return virt.Volume{}, fmt.Errorf("host has stored %d of %d bytes", v.PhysicalBytes, size)
	}
	return v, nil
}

// transfer uploads over a connection of its own. Two goroutines hand the content over: one reads it and one talks to
// libvirtd, so that neither a content nor a host that hangs can hold the caller.
func (h *host) transfer(ctx context.Context, found rpc.StorageVol, content io.Reader, size int64) error {
	dialing, cancel := context.WithTimeout(ctx, h.limits.Dial)
	defer cancel()
	aside, err := connect(dialing, h.dial, h.limits.Stall)
	if err != nil {
		return err
	}
	defer aside.conn.end()
	packets, feed := io.Pipe()
	fed, uploaded := make(chan error, 1), make(chan error, 1)
	go func() {
		err := feedExactly(impatientWriter{feed, h.limits.Stall, aside.conn.end}, content, size)
		_ = feed.CloseWithError(err)
		fed <- err
	}()
	go func() {
		uploaded <- aside.run(func(c *rpc.Libvirt) error { return c.StorageVolUpload(found, packets, 0, uint64(size), 0) })
	}()

	var read, sent error
	select {
	case read = <-fed:
		// Only libvirtd's confirmation is missing, that of the end or that of the abort.
		confirmation := h.limits.SlowCall
		if read != nil {
			confirmation = abortGrace
		}
		late := time.AfterFunc(confirmation, aside.conn.end)
		defer late.Stop()
		stop := context.AfterFunc(ctx, aside.conn.end)
		defer stop()
		sent = <-uploaded
	case sent = <-uploaded:
		_ = packets.CloseWithError(errTransferOver)
		read = awaitReader(fed)
	case <-ctx.Done():
		_ = feed.CloseWithError(errTransferOver)
		late := time.AfterFunc(abortGrace, aside.conn.end)
		defer late.Stop()
		<-uploaded
		_ = awaitReader(fed)
		return fmt.Errorf("transfer content: %w", context.Cause(ctx))
	}
	if read != nil && !errors.Is(read, errTransferOver) {
		return read
	}
	if sent != nil {
		return classify(fmt.Errorf("transfer content: %w", sent))
	}
	return nil
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
func feedExactly(feed io.Writer, content io.Reader, size int64) error {
	buffer := make([]byte, min(chunkBytes, size))
	for done := int64(0); done < size; {
		n, err := io.ReadFull(content, buffer[:min(int64(len(buffer)), size-done)])
		if done == 0 {
			if err := checkImage(buffer[:n]); err != nil {
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

// checkImage refuses a qcow2 image that names other files: QEMU would open them on the host and show them to the guest.
// The offsets are those of the header in QEMU's docs/interop/qcow2.txt.
func checkImage(start []byte) error {
	const (
		magic             = "QFI\xfb"
		headerBytes       = 80
		externalDataFile  = 1 << 2
		versionOffset     = 4
		backingFileOffset = 8
		featuresOffset    = 72
	)
	if len(start) < headerBytes || string(start[:len(magic)]) != magic {
		return nil
	}
	if binary.BigEndian.Uint64(start[backingFileOffset:]) != 0 {
		return fmt.Errorf("%w: image has a backing file", virt.ErrInvalid)
	}
	version := binary.BigEndian.Uint32(start[versionOffset:])
	if version >= 3 && binary.BigEndian.Uint64(start[featuresOffset:])&externalDataFile != 0 {
		return fmt.Errorf("%w: image has an external data file", virt.ErrInvalid)
	}
	return nil
}
