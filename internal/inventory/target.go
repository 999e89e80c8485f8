// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// Keys of the Secret with credentials.
const (
	KeySSHPrivateKey  = corev1.SSHAuthPrivateKey
	KeySSHKnownHosts  = "known_hosts"
	KeySSHUser        = "username"
	KeyTLSCA          = "ca.crt"
	KeyTLSCertificate = corev1.TLSCertKey
	KeyTLSPrivateKey  = corev1.TLSPrivateKeyKey
)

// ErrCredentials means that the Secret with credentials is absent or incomplete. It wraps virt.ErrAuthentication, so that
// callers treat it like credentials that the host refused: they tell the user and wait for a change.
var ErrCredentials = fmt.Errorf("credentials of host are not usable: %w", virt.ErrAuthentication)

// Target returns how to reach the host. The revision changes with what the connection is made from, and with the host's
// UID, but neither with other fields of the host nor with labels of the Secret. Errors: ErrCredentials.
func Target(host *infrav1.LibvirtHost, secret *corev1.Secret) (virt.Target, error) {
	target := virt.Target{
		Name:        host.Name,
		URI:         host.Spec.URI,
		Accelerator: virt.Accelerator(host.Spec.Accelerator),
	}
	if secret != nil {
		target.Credentials = virt.Credentials{
			SSHUser:        strings.TrimSpace(string(secret.Data[KeySSHUser])),
			SSHPrivateKey:  secret.Data[KeySSHPrivateKey],
			SSHKnownHosts:  secret.Data[KeySSHKnownHosts],
			TLSCA:          secret.Data[KeyTLSCA],
			TLSCertificate: secret.Data[KeyTLSCertificate],
			TLSPrivateKey:  secret.Data[KeyTLSPrivateKey],
		}
	}
	if err := check(target); err != nil {
		return virt.Target{}, fmt.Errorf("read credentials of host %q: %w", host.Name, err)
	}
	target.Revision = revision(string(host.UID), target)
	return target, nil
}

// check names every key that the transport needs and that is missing.
func check(target virt.Target) error {
	c := target.Credentials
	needed := map[string][]byte{}
	switch {
	case strings.HasPrefix(target.URI, "qemu+ssh://"):
		needed = map[string][]byte{KeySSHPrivateKey: c.SSHPrivateKey, KeySSHKnownHosts: c.SSHKnownHosts}
	case strings.HasPrefix(target.URI, "qemu+tls://"):
		needed = map[string][]byte{KeyTLSCA: c.TLSCA, KeyTLSCertificate: c.TLSCertificate, KeyTLSPrivateKey: c.TLSPrivateKey}
	}
	var missing []error
	for _, key := range []string{KeySSHPrivateKey, KeySSHKnownHosts, KeyTLSCA, KeyTLSCertificate, KeyTLSPrivateKey} {
		if value, ok := needed[key]; ok && len(value) == 0 {
			missing = append(missing, fmt.Errorf("key %q is missing: %w", key, ErrCredentials))
		}
	}
	return errors.Join(missing...)
}

// revision distinguishes two targets without keeping their secrets.
func revision(uid string, t virt.Target) string {
	c := t.Credentials
	h := sha256.New()
	for _, field := range [][]byte{
		[]byte(uid), []byte(t.URI), []byte(t.Accelerator), []byte(c.SSHUser), c.SSHPrivateKey, c.SSHKnownHosts,
		c.TLSCA, c.TLSCertificate, c.TLSPrivateKey,
	} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(field)))
		h.Write(size[:])
		h.Write(field)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
