// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/nodenetwork"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

// TestNode_winsOverKubeadmByItsProviderIDOnly: kubelet uses the last value of a repeated option.
func TestNode_winsOverKubeadmByItsProviderIDOnly(t *testing.T) {
	n := altcos.Node{Hostname: "a", ProviderID: "libvirt://x", Interfaces: []nodenetwork.Interface{{Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}}}}
	l, err := n.Layer()
	assert.NoError(t, err)
	environment := map[string]string{"$KUBELET_KUBEADM_ARGS": "--node-ip=10.0.0.2 --provider-id=other://y"}
	var command []string
	for _, line := range strings.Split(string(readable(t, l)), "\n") {
		if set, ok := strings.CutPrefix(line, "Environment="); ok {
			name, value, _ := strings.Cut(strings.Trim(set, `"`), "=")
			environment["$"+name] = value
		}
		if rest, ok := strings.CutPrefix(line, "ExecStart=/usr/bin/kubelet "); ok {
			command = strings.Fields(rest)
		}
	}
	var args []string
	for _, word := range command {
		args = append(args, strings.Fields(environment[word])...)
	}
	slices.Reverse(args)
	for option, want := range map[string]string{"--node-ip=": "10.0.0.2", "--provider-id=": "libvirt://x"} {
		i := slices.IndexFunc(args, func(a string) bool { return strings.HasPrefix(a, option) })
		if i < 0 || args[i] != option+want {
			t.Errorf("kubelet does not get %s%s: %q", option, want, args)
		}
	}
}
