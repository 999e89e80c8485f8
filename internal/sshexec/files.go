// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package sshexec

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"

	"github.com/pkg/sftp"
)

const (
	posixRename = "posix-rename@openssh.com"
	fileSync    = "fsync@openssh.com"
)

// sharedFiles is the sftp client of a connection: opened at first use, dropped when a call on it is abandoned.
type sharedFiles struct {
	mutex  sync.Mutex
	client *sftp.Client
}

// PutAtomic replaces the file at name: readers see the old or the new content, never a part, and the new content
// has reached the disk. The temporary file beside it is created with mode, so a secret is never readable by others.
func (c *Connection) PutAtomic(ctx context.Context, name string, content []byte, mode fs.FileMode) error {
	err := c.withFiles(ctx, func(files *sftp.Client) error {
		if _, ok := files.HasExtension(posixRename); !ok {
			return fmt.Errorf("the sftp server lacks %s", posixRename)
		}
		temporary := path.Join(path.Dir(name), "."+path.Base(name)+"."+rand.Text()[:8])
		if err := writeNew(files, temporary, content, mode); err != nil {
			return errors.Join(err, removeIfThere(files, temporary))
		}
		if err := files.PosixRename(temporary, name); err != nil {
			return errors.Join(err, removeIfThere(files, temporary))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("put file %q on %q: %w", name, c.target.Address, err)
	}
	return nil
}

func writeNew(files *sftp.Client, name string, content []byte, mode fs.FileMode) (err error) {
	file, err := files.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := file.Chmod(mode.Perm()); err != nil { // before the first byte is written
		return err
	}
	if _, err := file.Write(content); err != nil {
		return err
	}
	if _, ok := files.HasExtension(fileSync); !ok {
		return nil // other servers than OpenSSH may lack it; the rename is atomic all the same
	}
	return file.Sync()
}

// ReadFile returns the content of a file of at most limit bytes; a missing file is fs.ErrNotExist.
func (c *Connection) ReadFile(ctx context.Context, name string, limit int64) ([]byte, error) {
	var content []byte
	err := c.withFiles(ctx, func(files *sftp.Client) (err error) {
		file, err := files.Open(name)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		content, err = io.ReadAll(io.LimitReader(file, limit+1))
		if err == nil && int64(len(content)) > limit {
			return fmt.Errorf("%w of %d bytes", ErrOutputTooLarge, limit)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read file %q on %q: %w", name, c.target.Address, err)
	}
	return content, nil
}

// Remove removes a file or an empty directory; an absent one is no error.
func (c *Connection) Remove(ctx context.Context, name string) error {
	err := c.withFiles(ctx, func(files *sftp.Client) error { return removeIfThere(files, name) })
	if err != nil {
		return fmt.Errorf("remove file %q on %q: %w", name, c.target.Address, err)
	}
	return nil
}

// MakeDirectory creates a directory and its parents; an existing one is no error.
func (c *Connection) MakeDirectory(ctx context.Context, name string) error {
	err := c.withFiles(ctx, func(files *sftp.Client) error { return files.MkdirAll(name) })
	if err != nil {
		return fmt.Errorf("make directory %q on %q: %w", name, c.target.Address, err)
	}
	return nil
}

// Stat describes a file; a missing one is fs.ErrNotExist.
func (c *Connection) Stat(ctx context.Context, name string) (fs.FileInfo, error) {
	var info fs.FileInfo
	err := c.withFiles(ctx, func(files *sftp.Client) (err error) {
		info, err = files.Stat(name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("stat file %q on %q: %w", name, c.target.Address, err)
	}
	return info, nil
}

func removeIfThere(files *sftp.Client, name string) error {
	if err := files.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// withFiles runs one sftp operation. pkg/sftp knows no contexts: when ctx ends the client is closed under the
// operation, and the next operation opens a new one.
func (c *Connection) withFiles(ctx context.Context, operation func(*sftp.Client) error) error {
	ended := make(chan error, 1)
	var files *sftp.Client
	files, err := c.openFiles(ctx)
	if err != nil {
		return err
	}
	go func() { ended <- operation(files) }()
	select {
	case err := <-ended:
		if errors.Is(err, sftp.ErrSSHFxConnectionLost) || errors.Is(err, io.ErrUnexpectedEOF) {
			c.dropFiles(files)
			return fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
		return err
	case <-ctx.Done():
		c.dropFiles(files)
		return c.classify(ctx, ctx.Err())
	}
}

func (c *Connection) openFiles(ctx context.Context) (*sftp.Client, error) {
	c.files.mutex.Lock()
	files := c.files.client
	c.files.mutex.Unlock()
	if files != nil {
		return files, nil
	}
	files, err := c.newFiles(ctx)
	if err != nil {
		return nil, fmt.Errorf("open sftp: %w", c.classify(ctx, err))
	}
	c.files.mutex.Lock()
	defer c.files.mutex.Unlock()
	if c.files.client != nil { // somebody else was faster
		go func() { _ = files.Close() }()
		return c.files.client, nil
	}
	c.files.client = files
	return files, nil
}

func (c *Connection) newFiles(ctx context.Context) (*sftp.Client, error) {
	type opened struct {
		files *sftp.Client
		err   error
	}
	answer := make(chan opened)
	go func() {
		files, err := sftp.NewClient(c.client)
		select {
		case answer <- opened{files, err}:
		case <-ctx.Done():
			if err == nil {
				_ = files.Close()
			}
		}
	}()
	select {
	case got := <-answer:
		return got.files, got.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (c *Connection) dropFiles(files *sftp.Client) {
	c.files.mutex.Lock()
	if c.files.client == files {
		c.files.client = nil
	}
	c.files.mutex.Unlock()
	go func() { _ = files.Close() }() // blocks while the network is stuck
}
