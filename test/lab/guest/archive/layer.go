// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"
)

// Entry is one file, directory or symbolic link of a layer. Everything belongs to root and dates from the epoch.
type Entry struct {
	// Name is the path in the image, without a leading slash.
	Name string
	// Source is the file, directory (not what is in it) or link of this machine to copy. Empty with Link set.
	Source string
	// Link is the target of a symbolic link.
	Link string
}

// Layer is a file system layer.
type Layer []Entry

// Tree returns a layer with everything below dir.
func Tree(dir string) (Layer, error) {
	var layer Layer
	err := filepath.WalkDir(dir, func(source string, entry fs.DirEntry, err error) error {
		if err != nil || source == dir {
			return err
		}
		name, err := filepath.Rel(dir, source)
		if err != nil {
			return err
		}
		if kind := entry.Type(); kind.IsRegular() || kind.IsDir() || kind == fs.ModeSymlink {
			layer = append(layer, Entry{Name: filepath.ToSlash(name), Source: source})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list layer %q: %w", dir, err)
	}
	return layer, nil
}

// digest returns the SHA-256 of the layer's tar, in hexadecimal, and its size in bytes.
func (l Layer) digest() (string, int64, error) {
	sum := sha256.New()
	var size counter
	if err := l.write(io.MultiWriter(sum, &size)); err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(sum.Sum(nil)), int64(size), nil
}

func (l Layer) write(w io.Writer) error {
	archive := tar.NewWriter(w)
	made := map[string]bool{".": true}
	for _, entry := range l {
		if err := writeParents(archive, made, path.Dir(entry.Name)); err != nil {
			return err
		}
		made[entry.Name] = true
		if err := entry.write(archive); err != nil {
			return fmt.Errorf("write %q: %w", entry.Name, err)
		}
	}
	return archive.Close()
}

func writeParents(archive *tar.Writer, made map[string]bool, dir string) error {
	if made[dir] {
		return nil
	}
	if err := writeParents(archive, made, path.Dir(dir)); err != nil {
		return err
	}
	made[dir] = true
	return archive.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, ModTime: time.Unix(0, 0)})
}

func (e Entry) write(archive *tar.Writer) error {
	if e.Source == "" {
		return archive.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: e.Name, Linkname: e.Link, Mode: 0o777, ModTime: time.Unix(0, 0)})
	}
	info, err := os.Lstat(e.Source)
	if err != nil {
		return err
	}
	target := ""
	if info.Mode().Type() == fs.ModeSymlink {
		if target, err = os.Readlink(e.Source); err != nil {
			return err
		}
	}
	header, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	header.Name = e.Name
	if info.IsDir() {
		header.Name += "/"
	}
	header.ModTime, header.Uid, header.Gid, header.Uname, header.Gname = time.Unix(0, 0), 0, 0, "", ""
	if err := archive.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
		return err
	}
	file, err := os.Open(e.Source)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(archive, file)
	return err
}

type counter int64

func (c *counter) Write(data []byte) (int, error) {
	*c += counter(len(data))
	return len(data), nil
}
