// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"net/netip"
	"testing"

	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	"sigs.k8s.io/cluster-api/bootstrap/kubeadm/pkg/cloudinit"

	"github.com/altcos/cluster-api-provider-altcos/internal/bootstrapdata"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/ignitiontest"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/render"
	"github.com/altcos/cluster-api-provider-altcos/internal/nodenetwork"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
	"github.com/altcos/cluster-api-provider-altcos/test/golden"
)

func node(name, address string) *altcos.Node {
	return &altcos.Node{
		Hostname: name, ProviderID: "libvirt://6f1d3c3e-0000-4000-8000-000000000161",
		Interfaces: []nodenetwork.Interface{{
			MAC:         "52:54:00:00:00:61",
			Addresses:   []netip.Prefix{netip.MustParsePrefix(address + "/24")},
			Gateways:    []netip.Addr{netip.MustParseAddr("10.150.0.1")},
			Nameservers: []netip.Addr{netip.MustParseAddr("10.150.0.1")},
		}},
	}
}

func cloudConfig(tb testing.TB, kind cabpk.Kind) bootstrapdata.Data {
	tb.Helper()
	return bootstrapdata.Data{Format: bootstrapdata.FormatCloudConfig, Value: cabpk.Render(tb, kind, cloudinit.BaseUserData{
		PreKubeadmCommands: []string{"echo pre"}, PostKubeadmCommands: []string{"echo 'post'"},
	}, bootstrapv1.NodeRegistrationOptions{Name: "{{ ds.meta_data.local_hostname }}"})}
}

func TestRender_matchesGoldenForEveryKindOfMachine(t *testing.T) {
	for _, kind := range []cabpk.Kind{cabpk.Init, cabpk.JoinCP, cabpk.Worker} {
		t.Run(string(kind), func(t *testing.T) {
			in := render.Input{Bootstrap: cloudConfig(t, kind), Node: node("master01", "10.150.0.161")}
			got, err := render.Render(in)
			assert.NoError(t, err)
			golden.Assert(t, got, "testdata/"+string(kind)+".golden.ign")
			golden.Assert(t, ignitiontest.Text(t, ignitiontest.Parse(t, got)), "testdata/"+string(kind)+".golden.txt")
		})
	}
}
