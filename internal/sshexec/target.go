// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package sshexec

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net"
	"strconv"

	"golang.org/x/crypto/ssh"
)

// Secret is key material that no formatting verb prints.
type Secret []byte

// Format implements fmt.Formatter so that no verb, not even %x, shows the bytes.
func (s Secret) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte("[redacted]"))
}

// MarshalJSON keeps the bytes out of structured logs.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"[redacted]"`), nil }

// Target is how to reach one host.
type Target struct {
	// Key identifies the host in a Pool, usually the UID of its object.
	Key string
	// Generation is any text whose change asks for a new connection; credentials and address count by themselves.
	Generation string
	// Address is host:port; without a port 22 is meant.
	Address string
	// User is the login name.
	User string
	// PrivateKey is a PEM or OpenSSH private key without passphrase.
	PrivateKey Secret
	// HostKeys are the pinned keys: lines of a known_hosts file (of which those for Address count)
	// or bare public-key lines (all of which count).
	HostKeys []byte
	// Sudo runs scripts through "sudo -n"; needed when User is not root.
	Sudo bool
}

// fingerprint distinguishes two targets without keeping their secrets.
func (t Target) fingerprint() [sha256.Size]byte {
	h := sha256.New()
	fields := [][]byte{
		[]byte(t.Generation), []byte(t.Address), []byte(t.User), t.PrivateKey, t.HostKeys,
		strconv.AppendBool(nil, t.Sudo),
	}
	for _, field := range fields {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(field)))
		h.Write(size[:])
		h.Write(field)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// endpoint is the address with its port.
func (t Target) endpoint() (string, error) {
	if t.Address == "" || t.User == "" {
		return "", fmt.Errorf("%w: address and user are required", ErrInvalidTarget)
	}
	if _, _, err := net.SplitHostPort(t.Address); err == nil {
		return t.Address, nil
	}
	if ip := net.ParseIP(t.Address); ip != nil {
		return net.JoinHostPort(t.Address, "22"), nil
	}
	endpoint := t.Address + ":22"
	if _, _, err := net.SplitHostPort(endpoint); err != nil {
		return "", fmt.Errorf("%w: address %q: %w", ErrInvalidTarget, t.Address, err)
	}
	return endpoint, nil
}

// signer parses the private key; its error never quotes the key.
func (t Target) signer() (ssh.Signer, error) {
	signer, err := ssh.ParsePrivateKey(t.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("%w: private key cannot be parsed (it must be PEM or OpenSSH and have no passphrase)", ErrInvalidTarget)
	}
	return signer, nil
}
