// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package hypervisor

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/crypto/ssh"
	"libvirt.org/go/libvirtxml"
)

const (
	imagesDir  = "/var/lib/libvirt/images"
	hostKeyRel = "etc/ssh/ssh_host_ed25519_key"
)

// prepareDisk creates the directories of a host's disk and writes the host's identity to it. The host's SSH key is created
// once and returned.
func prepareDisk(lab string, options Options) (ssh.PublicKey, error) {
	for _, name := range []string{"upper", "work", "root", "images"} {
		if err := os.MkdirAll(filepath.Join(options.StateDir, name), 0o755); err != nil {
			return nil, err
		}
	}
	identity := uuid.NewSHA1(uuid.NameSpaceURL, []byte("altcos-lab:"+lab+"/"+options.Name))
	pool, err := defaultPool(uuid.NewSHA1(identity, []byte("default")))
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{
		"etc/hostname":                    []byte(options.Name + "\n"),
		"etc/hosts":                       []byte("127.0.0.1 localhost\n" + options.Address.String() + " " + options.Name + "\n"),
		"etc/machine-id":                  []byte(strings.ReplaceAll(identity.String(), "-", "") + "\n"),
		"etc/ssh/authorized_keys.lab":     authorizedKeys(options.AuthorizedKeys),
		"etc/libvirt/storage/default.xml": pool,
	}
	upper := filepath.Join(options.StateDir, "upper")
	for name, content := range files {
		if err := writeChanged(filepath.Join(upper, name), content); err != nil {
			return nil, err
		}
	}
	autostart := filepath.Join(upper, "etc/libvirt/storage/autostart/default.xml")
	if err := os.MkdirAll(filepath.Dir(autostart), 0o755); err != nil {
		return nil, err
	}
	if err := os.Symlink("/etc/libvirt/storage/default.xml", autostart); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	return hostKey(filepath.Join(upper, hostKeyRel))
}

// writeChanged leaves a file with the wanted content alone: the host may be running on it.
func writeChanged(path string, content []byte) error {
	if found, err := os.ReadFile(path); err == nil && bytes.Equal(found, content) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}

func authorizedKeys(keys []ssh.PublicKey) []byte {
	var lines []byte
	for _, key := range keys {
		lines = append(lines, ssh.MarshalAuthorizedKey(key)...)
	}
	return lines
}

func defaultPool(identity uuid.UUID) ([]byte, error) {
	pool := libvirtxml.StoragePool{
		Type: "dir", Name: "default", UUID: identity.String(),
		Source: &libvirtxml.StoragePoolSource{},
		Target: &libvirtxml.StoragePoolTarget{Path: imagesDir},
	}
	text, err := pool.Marshal()
	if err != nil {
		return nil, fmt.Errorf("encode storage pool: %w", err)
	}
	return []byte(text + "\n"), nil
}

// hostKey returns the public half of the SSH host key at path, which is created when missing.
func hostKey(path string) (ssh.PublicKey, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		content, err = newHostKey(path)
	}
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(content)
	if err != nil {
		return nil, fmt.Errorf("decode SSH host key: %w", err)
	}
	return signer.PublicKey(), nil
}

func newHostKey(path string) ([]byte, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("create SSH host key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return nil, fmt.Errorf("encode SSH host key: %w", err)
	}
	content := pem.EncodeToMemory(block)
	return content, os.WriteFile(path, content, 0o600)
}

// removeDisk removes what the host wrote. Nothing is mounted below dir: the host's mounts ended with it.
func removeDisk(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove disk of host: %w", err)
	}
	return nil
}
