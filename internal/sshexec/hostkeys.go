// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package sshexec

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the known_hosts format of OpenSSH hashes host names with SHA-1.
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// pinned are the public keys that a host may show.
type pinned struct {
	keys    [][]byte
	revoked [][]byte
	types   []string
}

// parseHostKeys reads known_hosts lines (those that name endpoint) and bare public-key lines (all of them).
// Certificate authorities and wildcard patterns pin nothing and are passed over.
func parseHostKeys(lines []byte, endpoint string) (*pinned, error) {
	p := &pinned{}
	for number, line := range bytes.Split(lines, []byte("\n")) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if err := p.addLine(line, endpoint); err != nil {
			return nil, fmt.Errorf("%w: host keys line %d: %w", ErrInvalidTarget, number+1, err)
		}
	}
	if len(p.keys) == 0 {
		return nil, fmt.Errorf("%w: no pinned host key for %q", ErrInvalidTarget, endpoint)
	}
	return p, nil
}

func (p *pinned) addLine(line []byte, endpoint string) error {
	if key, _, options, _, err := ssh.ParseAuthorizedKey(line); err == nil && len(options) == 0 {
		p.add(key)
		return nil
	}
	marker, hosts, key, _, _, err := ssh.ParseKnownHosts(line)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return errors.New("neither a known_hosts line nor a public key")
	}
	if !namesHost(hosts, endpoint) {
		return nil
	}
	switch marker {
	case "":
		p.add(key)
	case "revoked":
		p.revoked = append(p.revoked, key.Marshal())
	}
	return nil
}

func (p *pinned) add(key ssh.PublicKey) {
	p.keys = append(p.keys, key.Marshal())
	if !slices.Contains(p.types, key.Type()) {
		p.types = append(p.types, key.Type())
	}
}

// algorithms lists what the client may negotiate. Without it x/crypto prefers ECDSA, and a host of which only
// the ed25519 key is pinned would look like an impostor.
func (p *pinned) algorithms() []string {
	var algorithms []string
	for _, keyType := range p.types {
		if keyType == ssh.KeyAlgoRSA {
			algorithms = append(algorithms, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
			continue
		}
		algorithms = append(algorithms, keyType)
	}
	return algorithms
}

// accepts reports whether the host may show this key.
func (p *pinned) accepts(key ssh.PublicKey) bool {
	same := func(candidate []byte) bool { return bytes.Equal(candidate, key.Marshal()) }
	return slices.ContainsFunc(p.keys, same) && !slices.ContainsFunc(p.revoked, same)
}

// namesHost reports whether one of the patterns of a known_hosts line is exactly this endpoint, plain or hashed.
func namesHost(patterns []string, endpoint string) bool {
	want := knownhosts.Normalize(endpoint)
	bare, _, _ := net.SplitHostPort(endpoint)
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if strings.HasPrefix(pattern, "|1|") {
			return hashNames(pattern, want)
		}
		return pattern == want || pattern == endpoint || pattern == bare && want == bare
	})
}

func hashNames(pattern, host string) bool {
	parts := strings.Split(pattern, "|")
	if len(parts) != 4 {
		return false
	}
	salt, saltErr := base64.StdEncoding.DecodeString(parts[2])
	sum, sumErr := base64.StdEncoding.DecodeString(parts[3])
	if saltErr != nil || sumErr != nil {
		return false
	}
	mac := hmac.New(sha1.New, salt)
	mac.Write([]byte(host))
	return hmac.Equal(mac.Sum(nil), sum)
}
