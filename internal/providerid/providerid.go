// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package providerid writes and reads the provider IDs of machines: libvirt://<uuid of the domain>. The host is not part
// of it, so that a machine keeps its ID when its domain is moved.
package providerid

import (
	"errors"
	"fmt"
	"strings"
)

// Prefix begins every provider ID of ours.
const Prefix = "libvirt://"

// ErrInvalid means that a text is not a provider ID of this provider.
var ErrInvalid = errors.New("invalid provider ID")

const groups = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"

// New returns the provider ID of the domain with the UUID.
func New(uuid string) (string, error) {
	canonical, ok := canonicalUUID(uuid)
	if !ok {
		return "", fmt.Errorf("%w: %q is not a UUID", ErrInvalid, uuid)
	}
	return Prefix + canonical, nil
}

// Parse returns the UUID in a provider ID, in lower case.
func Parse(id string) (string, error) {
	rest, ok := strings.CutPrefix(id, Prefix)
	if !ok {
		return "", fmt.Errorf("%w: %q does not begin with %s", ErrInvalid, id, Prefix)
	}
	uuid, ok := canonicalUUID(rest)
	if !ok {
		return "", fmt.Errorf("%w: %q has no UUID", ErrInvalid, id)
	}
	return uuid, nil
}

// canonicalUUID takes the form with hyphens only (RFC 9562 §4), as Kubernetes and libvirt write it.
func canonicalUUID(s string) (string, bool) {
	if len(s) != len(groups) {
		return "", false
	}
	s = strings.ToLower(s)
	for i := range len(s) {
		isHex := s[i] >= '0' && s[i] <= '9' || s[i] >= 'a' && s[i] <= 'f'
		if wantHyphen := groups[i] == '-'; wantHyphen && s[i] != '-' || !wantHyphen && !isHex {
			return "", false
		}
	}
	return s, true
}
