// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package sshexec

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

const (
	edLine  = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS"
	edLine2 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMmvgAkM6q4iTEWrkMhMBsoQ9xQrFRxzhNvMBlsmRrsP"
)

func TestParseHostKeys_selectsTheKeysOfTheEndpoint(t *testing.T) {
	tests := map[string]struct {
		lines, endpoint string
		keys            int
	}{
		"a bare key counts for every host":              {edLine, "h1:22", 1},
		"a comment and blank lines are nothing":         {"# x\n\n" + edLine + " root@h1\n", "h1:22", 1},
		"a known_hosts line counts for its host":        {"h1,10.0.0.1 " + edLine, "10.0.0.1:22", 1},
		"a known_hosts line of another host counts not": {"h2 " + edLine, "h1:22", 0},
		"a port must match":                             {"[h1]:2222 " + edLine, "h1:22", 0},
		"a port in brackets matches":                    {"[h1]:2222 " + edLine, "h1:2222", 1},
		"a name without port is for port 22 only":       {"h1 " + edLine, "h1:2222", 0},
		"a hashed name matches":                         {knownhosts.HashHostname("h1") + " " + edLine, "h1:22", 1},
		"a hashed name of another host does not":        {knownhosts.HashHostname("h2") + " " + edLine, "h1:22", 0},
		"an authority pins nothing":                     {"@cert-authority h1 " + edLine, "h1:22", 0},
		"an IPv6 address matches":                       {"fd00::1 " + edLine, "[fd00::1]:22", 1},
		"two keys both count":                           {edLine + "\n" + edLine2, "h1:22", 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseHostKeys([]byte(test.lines), test.endpoint)
			if test.keys == 0 {
				if !errors.Is(err, ErrInvalidTarget) {
					t.Errorf("got %v, %v", got, err)
				}
				return
			}
			assert.NoError(t, err)
			if len(got.keys) != test.keys {
				t.Errorf("got %d keys, want %d", len(got.keys), test.keys)
			}
			assert.Equal(t, []string{ssh.KeyAlgoED25519}, got.algorithms())
		})
	}
}

func TestParseHostKeys_refusesRevokedAndBroken(t *testing.T) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(edLine))
	assert.NoError(t, err)
	got, err := parseHostKeys([]byte(edLine+"\n@revoked h1 "+edLine), "h1:22")
	if err != nil || got.accepts(key) {
		t.Errorf("a revoked key is accepted (%v)", err)
	}
	if _, err := parseHostKeys([]byte("h1 ssh-ed25519 nonsense"), "h1:22"); !errors.Is(err, ErrInvalidTarget) {
		t.Errorf("got %v", err)
	}
}

func TestPinned_offersStrongSignaturesForRSA(t *testing.T) {
	p := &pinned{types: []string{ssh.KeyAlgoRSA, ssh.KeyAlgoECDSA256}}
	want := []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoECDSA256}
	assert.Equal(t, want, p.algorithms())
}

func FuzzParseHostKeys(f *testing.F) {
	f.Add("h1 " + edLine)
	f.Add("|1|x|y " + edLine)
	f.Add("@revoked * " + edLine2)
	f.Fuzz(func(t *testing.T, lines string) {
		got, err := parseHostKeys([]byte(lines), "h1:22")
		if err != nil {
			return
		}
		if len(got.keys) == 0 || len(got.types) == 0 || slices.Contains(got.algorithms(), "") {
			t.Errorf("accepted %q without a key", lines)
		}
		if !strings.Contains(lines, " ") {
			t.Errorf("accepted a line of one word: %q", lines)
		}
	})
}
