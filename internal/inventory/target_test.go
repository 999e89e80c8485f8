// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory_test

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

func newHost(uri string) *infrav1.LibvirtHost {
	return &infrav1.LibvirtHost{
		ObjectMeta: metav1.ObjectMeta{Name: "node3", UID: "1234", Generation: 1},
		Spec:       infrav1.LibvirtHostSpec{URI: uri, CredentialsRef: infrav1.ObjectReference{Name: "node3"}},
	}
}

func newSecret() *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "altcos-system", Name: "node3"},
		Data: map[string][]byte{
			inventory.KeySSHPrivateKey: []byte("topsecret"),
			inventory.KeySSHKnownHosts: []byte("node3 ssh-ed25519 AAAA"),
			inventory.KeySSHUser:       []byte("root\n"),
		},
	}
}

func TestTarget_revisionFollowsConnection(t *testing.T) {
	base, err := inventory.Target(newHost("qemu+ssh://node3/system"), newSecret())
	assert.NoError(t, err)
	if base.Credentials.SSHUser != "root" {
		t.Errorf("user %q", base.Credentials.SSHUser)
	}
	cases := map[string]struct {
		change  func(*infrav1.LibvirtHost, *corev1.Secret)
		changed bool
	}{
		"nothing": {func(*infrav1.LibvirtHost, *corev1.Secret) {}, false},
		"scheduling and generation do not matter": {func(h *infrav1.LibvirtHost, _ *corev1.Secret) {
			h.Generation, h.Spec.Scheduling = 7, infrav1.HostSchedulingDisabled
		}, false},
		"labels of the secret do not matter": {func(_ *infrav1.LibvirtHost, s *corev1.Secret) {
			s.Labels, s.ResourceVersion = map[string]string{"a": "b"}, "42"
		}, false},
		"a new key":         {func(_ *infrav1.LibvirtHost, s *corev1.Secret) { s.Data[inventory.KeySSHPrivateKey] = []byte("x") }, true},
		"new pinned keys":   {func(_ *infrav1.LibvirtHost, s *corev1.Secret) { s.Data[inventory.KeySSHKnownHosts] = []byte("x") }, true},
		"a new URI":         {func(h *infrav1.LibvirtHost, _ *corev1.Secret) { h.Spec.URI = "qemu+ssh://other/system" }, true},
		"a new accelerator": {func(h *infrav1.LibvirtHost, _ *corev1.Secret) { h.Spec.Accelerator = infrav1.AcceleratorTCG }, true},
		"a new host object": {func(h *infrav1.LibvirtHost, _ *corev1.Secret) { h.UID = "5678" }, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			host, secret := newHost("qemu+ssh://node3/system"), newSecret()
			c.change(host, secret)
			got, err := inventory.Target(host, secret)
			assert.NoError(t, err)
			if changed := got.Revision != base.Revision; changed != c.changed {
				t.Errorf("revision changed: %v, want %v", changed, c.changed)
			}
		})
	}
}

func TestTarget_namesMissingKeys(t *testing.T) {
	cases := map[string]struct {
		uri     string
		secret  *corev1.Secret
		missing []string
	}{
		"a unix socket needs none":    {"qemu+unix:///system", nil, nil},
		"ssh without a secret":        {"qemu+ssh://node3/system", nil, []string{"ssh-privatekey", "known_hosts"}},
		"ssh without pinned keys":     {"qemu+ssh://node3/system", &corev1.Secret{Data: map[string][]byte{"ssh-privatekey": []byte("topsecret")}}, []string{"known_hosts"}},
		"tls with credentials of ssh": {"qemu+tls://node3/system", newSecret(), []string{"ca.crt", "tls.crt", "tls.key"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := inventory.Target(newHost(c.uri), c.secret)
			if (err != nil) != (c.missing != nil) {
				t.Fatalf("error %v", err)
			}
			if err == nil {
				return
			}
			if !errors.Is(err, inventory.ErrCredentials) || !errors.Is(err, virt.ErrAuthentication) {
				t.Errorf("error %v has the wrong class", err)
			}
			text := err.Error()
			for _, key := range c.missing {
				if !strings.Contains(text, key) {
					t.Errorf("error %q does not name %q", text, key)
				}
			}
			if strings.Contains(text, "topsecret") {
				t.Errorf("error %q tells a secret", text)
			}
		})
	}
}
