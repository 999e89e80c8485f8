// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/ignitiontest"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/render"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
)

// withPods is what CABPK writes for kubeadm init with another line for the networks of pods.
func withPods(t *testing.T, line string) render.Input {
	t.Helper()
	data := cloudConfig(t, cabpk.Init)
	changed := bytes.Replace(data.Value, []byte("podSubnet: 10.244.0.0/16"), []byte(line), 1)
	if line != "" && bytes.Equal(changed, data.Value) {
		t.Fatal("there is no podSubnet in the bootstrap data")
	}
	data.Value = changed
	return render.Input{Bootstrap: data, Node: node("master01", "10.150.0.161")}
}

func TestRender_tellsFlannelWhereThePodsAre(t *testing.T) {
	cases := map[string]struct{ line, want string }{
		"another network": {"podSubnet: 192.168.0.0/16", " 192.168.0.0/16 -\n"},
		"both families":   {"podSubnet: 10.244.0.0/16,fd00:1::/56", " 10.244.0.0/16 fd00:1::/56\n"},
		"IPv6":            {`podSubnet: "fd00:1::/56"`, " - fd00:1::/56\n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			text := string(ignitiontest.Text(t, ignitiontest.Parse(t, mustRender(t, withPods(t, tc.line)))))
			if !strings.Contains(text, "ExecStartPre=/bin/sh /var/lib/altcos-bootstrap/flannel.sh "+altcos.FlannelManifest+" /var/lib/altcos-bootstrap/kube-flannel.yml"+tc.want) {
				t.Errorf("got\n%s", text)
			}
		})
	}
}

func TestRender_refusesPodsThatFlannelCannotHave(t *testing.T) {
	const field = "bootstrap data: ClusterConfiguration.networking.podSubnet: "
	cases := map[string]struct{ line, want string }{
		"none":         {"dnsDomain: cluster.local", field + "flannel needs it: set spec.clusterNetwork.pods.cidrBlocks of the Cluster, or another networkPlugin in the profile"},
		"two of IPv4":  {"podSubnet: 10.1.0.0/16,10.2.0.0/16", field + "must be one address range for flannel, or one of each family"},
		"no network":   {"podSubnet: s3cr3t", field + "must be one address range for flannel, or one of each family"},
		"not even one": {"podSubnet: [s3cr3t]", field + "cannot be read from kubeadm's configuration"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			in := withPods(t, tc.line)
			_, err := render.Render(in)
			if found := problem.All(err); len(found) != 1 || found[0].Error() != tc.want {
				t.Errorf("got %v", err)
			}
			in.Profile = &altcos.Profile{NetworkPlugin: altcos.NetworkPlugin{None: true}}
			if _, err := render.Render(in); err != nil {
				t.Errorf("without flannel: %v", err)
			}
		})
	}
}
