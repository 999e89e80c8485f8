// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

type silentShell struct{}

func (silentShell) Run(context.Context, virt.Script) ([]byte, error) { return nil, nil }

func TestAccess_opensHostsWithTheSecretOfTheManager(t *testing.T) {
	errServer := errors.New("the API server is away")
	elsewhere := newSecret()
	elsewhere.Namespace = "tenant"
	const ssh, local = "qemu+ssh://node3/system", "qemu+unix:///system"
	tests := map[string]struct {
		uri                    string
		secret                 client.Object
		readErr                error
		wantConnect, wantShell error
	}{
		"a secret in the manager's namespace":   {uri: ssh, secret: newSecret()},
		"a secret elsewhere does not count":     {uri: ssh, secret: elsewhere, wantConnect: inventory.ErrCredentials, wantShell: inventory.ErrCredentials},
		"an API server that does not answer":    {uri: ssh, secret: newSecret(), readErr: errServer, wantConnect: inventory.ErrNotRead, wantShell: inventory.ErrNotRead},
		"a host that is not reached by ssh":     {uri: local, secret: newSecret(), wantShell: virt.ErrUnsupported},
		"no ssh, and credentials do not matter": {uri: local, secret: elsewhere, wantConnect: inventory.ErrCredentials, wantShell: virt.ErrUnsupported},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cloud := fakevirt.NewCloud()
			cloud.AddHost("node3").SetShell(silentShell{})
			access := inventory.Access{
				Client: fake.NewClientBuilder().WithObjects(test.secret).WithInterceptorFuncs(interceptor.Funcs{
					Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
						return errors.Join(test.readErr, c.Get(ctx, key, o, opts...))
					},
				}).Build(),
				Namespace: "altcos-system", Connector: cloud,
			}
			host := newHost(test.uri)
			if _, err := access.Connect(t.Context(), host); !errors.Is(err, test.wantConnect) {
				t.Errorf("connect: %v, want %v", err, test.wantConnect)
			}
			if _, err := access.Shell(t.Context(), host); !errors.Is(err, test.wantShell) {
				t.Errorf("shell: %v, want %v", err, test.wantShell)
			}
		})
	}
}

func TestAccess_forgetsHosts(t *testing.T) {
	cloud := fakevirt.NewCloud()
	inventory.Access{Connector: cloud}.Forget(&infrav1.LibvirtHost{ObjectMeta: newHost("").ObjectMeta})
	if cloud.Forgotten("node3") != 1 {
		t.Error("the connections were kept")
	}
}

func TestOwnAddresses_areNotEndpointsOfClusters(t *testing.T) {
	clusters := make([]infrav1.LibvirtCluster, 4)
	clusters[0].Spec.ControlPlaneEndpoint.Host = "10.150.0.160"
	clusters[1].Spec.ControlPlaneEndpoint.Host = "fd00::160"
	clusters[2].Spec.ControlPlaneEndpoint.Host = "api.example.org"
	clusters[3].Spec.ControlPlaneEndpoint.Host = "10.150.0.3"
	clusters[3].Spec.LoadBalancer.Mode = infrav1.LoadBalancerExternal
	virtual := inventory.VirtualAddresses(clusters)
	tests := map[string]struct{ all, want string }{
		"the host's own alone":                        {"10.150.0.3/24", "10.150.0.3/24"},
		"our endpoint, whatever its prefix":           {"10.150.0.160/24 10.150.0.3/24", "10.150.0.3/24"},
		"an endpoint that nobody here knows":          {"10.150.0.170/32 10.150.0.3/24", "10.150.0.3/24"},
		"each family for itself":                      {"10.150.0.3/24 fd00::160/128 fd00::3/64 fd00::9/128", "10.150.0.3/24 fd00::3/64"},
		"a routed host has a single address":          {"10.150.0.160/32 10.150.0.3/32", "10.150.0.3/32"},
		"an address that a cluster claims":            {"10.150.0.160/24 10.150.0.170/32", "10.150.0.160/24"},
		"a family with nothing but an endpoint of us": {"10.150.0.3/24 fd00::160/128", "10.150.0.3/24 fd00::160/128"},
		"nothing": {"", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var all []netip.Prefix
			for _, text := range strings.Fields(test.all) {
				all = append(all, netip.MustParsePrefix(text))
			}
			got := strings.Trim(fmt.Sprint(inventory.OwnAddresses(all, virtual)), "[]")
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func matching(key, value string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
}

func broken() *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Near"}}}
}

func TestSelector_matchesWhatAllSelectorsMatch(t *testing.T) {
	host := labels.Set{"rack": "1", "disk": "ssd"}
	tests := map[string]struct {
		selectors []*metav1.LabelSelector
		want      bool
	}{
		"no selector":             {nil, true},
		"absent selectors":        {[]*metav1.LabelSelector{nil, nil}, true},
		"an empty selector":       {[]*metav1.LabelSelector{{}}, true},
		"one that matches":        {[]*metav1.LabelSelector{nil, matching("rack", "1")}, true},
		"two that match":          {[]*metav1.LabelSelector{matching("rack", "1"), matching("disk", "ssd")}, true},
		"one of two does not":     {[]*metav1.LabelSelector{matching("rack", "1"), matching("disk", "hdd")}, false},
		"two that contradict":     {[]*metav1.LabelSelector{matching("rack", "1"), matching("rack", "2")}, false},
		"a label that is missing": {[]*metav1.LabelSelector{matching("gpu", "yes")}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			selector, err := inventory.Selector(test.selectors...)
			if err != nil || selector.Matches(host) != test.want {
				t.Errorf("got %v, %v; want %t", selector, err, test.want)
			}
		})
	}
	if _, err := inventory.Selector(nil, broken()); err == nil {
		t.Error("a selector that cannot be read is no error")
	}
}

func TestOpenTo_followsTheNamespaceSelector(t *testing.T) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"team": "a"}}}
	for name, test := range map[string]struct {
		selector *metav1.LabelSelector
		want     bool
	}{
		"a host without a selector":     {nil, true},
		"a namespace that is selected":  {matching("team", "a"), true},
		"another namespace":             {matching("team", "b"), false},
		"a selector that is unreadable": {broken(), false},
	} {
		t.Run(name, func(t *testing.T) {
			host := &infrav1.LibvirtHost{Spec: infrav1.LibvirtHostSpec{NamespaceSelector: test.selector}}
			if got := inventory.OpenTo(host, namespace); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}

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
