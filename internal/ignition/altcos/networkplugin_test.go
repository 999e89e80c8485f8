// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/ignitiontest"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, text := range texts {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

func TestNetworkPlugin_isAppliedOrNot(t *testing.T) {
	cases := map[string]struct {
		in      altcos.NetworkPlugin
		command string
		problem string
	}{
		"flannel of the image":  {altcos.NetworkPlugin{}, "kubectl apply -f /usr/share/k8s/flannel/kube-flannel.yml", ""},
		"another of the image":  {altcos.NetworkPlugin{ManifestPath: "/usr/share/x.yml"}, "kubectl apply -f /usr/share/x.yml", ""},
		"a manifest":            {altcos.NetworkPlugin{Manifest: []byte("kind: List\n")}, "kubectl apply -f /var/lib/altcos-bootstrap/network-plugin.yaml", ""},
		"none":                  {altcos.NetworkPlugin{None: true}, "", ""},
		"none and a manifest":   {altcos.NetworkPlugin{None: true, ManifestPath: "/x"}, "", "profile: networkPlugin: must be only one of none, a manifest path and a manifest"},
		"a path with a command": {altcos.NetworkPlugin{ManifestPath: "/x; reboot"}, "", "profile: networkPlugin.manifestPath: must be an absolute path without blanks, quotes, $ and %"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := altcos.Profile{NetworkPlugin: tc.in}
			l, err := p.NetworkPluginLayer(prefixes("10.244.0.0/16"))
			if tc.problem != "" {
				wantProblem(t, err, tc.problem)
				return
			}
			assert.NoError(t, err)
			text := string(readable(t, l))
			if tc.command == "" && text != "" || !strings.Contains(text, tc.command) {
				t.Errorf("got\n%s", text)
			}
		})
	}
}

func pluginLayer(t *testing.T, pods ...string) ignition.Layer {
	t.Helper()
	l, err := (&altcos.Profile{}).NetworkPluginLayer(prefixes(pods...))
	assert.NoError(t, err)
	return l
}

// TestNetworkPlugin_isStartedByKubeadmAlone: an order after the unit that runs kubeadm would let the plugin wait for the
// user's commands, and those may wait for a ready node.
func TestNetworkPlugin_isStartedByKubeadmAlone(t *testing.T) {
	text := string(readable(t, pluginLayer(t, "10.244.0.0/16")))
	for _, want := range []string{
		"== unit altcos-network-plugin.path enabled\n", "\nConditionPathExists=!/var/lib/altcos-bootstrap/network-plugin.done\n",
		"\n[Path]\nPathExists=" + altcos.KubeadmDone + "\n", "== unit altcos-network-plugin.service\n", "\nRestart=on-failure\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, altcos.KubeadmUnit) {
		t.Errorf("it waits for the unit of kubeadm:\n%s", text)
	}
}

func TestNetworkPlugin_refusesNetworksThatFlannelCannotHave(t *testing.T) {
	for _, pods := range [][]string{{"10.1.0.0/16", "10.2.0.0/16"}, {"fd00::/56", "fd01::/56"}} {
		_, err := (&altcos.Profile{}).NetworkPluginLayer(prefixes(pods...))
		wantProblem(t, err, "profile: networkPlugin: flannel needs one network for pods, or one of each family")
	}
}

// before runs what the unit runs before it applies the manifest, on a manifest of the test's, and returns the copy.
func before(t *testing.T, manifest string, pods ...string) (string, error) {
	t.Helper()
	l := pluginLayer(t, pods...)
	dir := t.TempDir()
	write := func(path, content string) {
		assert.NoError(t, os.MkdirAll(filepath.Dir(dir+path), 0o755))
		assert.NoError(t, os.WriteFile(dir+path, []byte(content), 0o600))
	}
	write(altcos.FlannelManifest, manifest)
	for _, f := range l.Config.Storage.Files {
		write(f.Path, ignitiontest.Contents(t, f.Contents))
	}
	_, line, _ := strings.Cut(string(readable(t, l)), "ExecStartPre=")
	line, rest, _ := strings.Cut(line, "\n")
	args := strings.Fields(line)
	for i, a := range args[1:] {
		if strings.HasPrefix(a, "/") {
			args[i+1] = dir + a
		}
	}
	if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
		return string(out), err
	}
	_, path, _ := strings.Cut(strings.SplitN(rest, "\n", 2)[0], " -f ")
	got, err := os.ReadFile(dir + path)
	return string(got), err
}

const (
	flannelHead = "apiVersion: v1\nkind: ConfigMap\ndata:\n  cni-conf.json: |\n    {\"name\": \"cbr0\"}\n  net-conf.json: |\n    {\n"
	flannelTail = "    }\n---\nkind: DaemonSet\n"
)

func TestFlannel_getsTheNetworksOfThisCluster(t *testing.T) {
	backend := map[string]any{"Type": "vxlan"}
	manifests := map[string]string{
		"of 2021":         "      \"Network\": \"10.244.0.0/16\",\n      \"Backend\": {\n        \"Type\": \"vxlan\"\n      }\n",
		"another order":   "      \"Backend\": {\n        \"Type\": \"vxlan\"\n      },\n      \"Network\": \"10.244.0.0/16\"\n",
		"with dual stack": "      \"EnableIPv4\": true,\n      \"EnableIPv6\": true,\n      \"Network\": \"10.244.0.0/16\",\n      \"IPv6Network\": \"2001:cafe:42::/56\",\n      \"Backend\": {\n        \"Type\": \"vxlan\"\n      }\n",
	}
	cases := map[string]struct {
		pods []string
		want map[string]any
	}{
		"another network": {[]string{"192.168.0.0/17"}, map[string]any{"Network": "192.168.0.0/17"}},
		"both families":   {[]string{"10.244.0.0/16", "fd00:1::/56"}, map[string]any{"Network": "10.244.0.0/16", "EnableIPv6": true, "IPv6Network": "fd00:1::/56"}},
		"IPv6 first":      {[]string{"fd00:1::/56", "10.1.0.0/16"}, map[string]any{"Network": "10.1.0.0/16", "EnableIPv6": true, "IPv6Network": "fd00:1::/56"}},
		"IPv6 alone":      {[]string{"fd00:1::/56"}, map[string]any{"Network": "10.244.0.0/16", "EnableIPv4": false, "EnableIPv6": true, "IPv6Network": "fd00:1::/56"}},
	}
	for manifest, conf := range manifests {
		for name, tc := range cases {
			t.Run(name+" in a manifest "+manifest, func(t *testing.T) {
				got, err := before(t, flannelHead+conf+flannelTail, tc.pods...)
				if err != nil {
					t.Fatalf("%v: %s", err, got)
				}
				var configMap struct {
					Data map[string]string `yaml:"data"`
				}
				assert.NoError(t, yaml.Unmarshal([]byte(got), &configMap))
				tc.want["Backend"] = backend
				var net map[string]any
				assert.NoError(t, json.Unmarshal([]byte(configMap.Data["net-conf.json"]), &net))
				assert.Equal(t, tc.want, net)
				if !strings.HasPrefix(got, flannelHead) || !strings.HasSuffix(got, flannelTail) {
					t.Errorf("something else changed:\n%s", got)
				}
			})
		}
	}
}

func TestFlannel_knowsTheManifestOfTheLab(t *testing.T) {
	manifest, err := os.ReadFile("../../../test/lab/guest/rootfs" + altcos.FlannelManifest)
	assert.NoError(t, err)
	got, err := before(t, string(manifest), "10.1.0.0/16")
	if want := strings.Replace(string(manifest), "10.244.0.0/16", "10.1.0.0/16", 1); err != nil || got != want {
		t.Errorf("%v (-want +got)\n%s", err, cmp.Diff(want, got))
	}
}

func TestFlannel_isNotAppliedWhenItsManifestIsUnknown(t *testing.T) {
	for name, conf := range map[string]string{
		"no network":             "      \"Backend\": {}\n",
		"two networks":           "      \"Network\": \"10.244.0.0/16\",\n      \"Network\": \"10.244.0.0/16\"\n",
		"all in one line":        "      \"Network\": \"10.244.0.0/16\", \"Backend\": {}\n",
		"a family in the middle": "      \"Network\": \"10.244.0.0/16\",\n      \"Backend\": {}, \"EnableIPv6\": true\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := before(t, flannelHead+conf+flannelTail, "10.1.0.0/16")
			if err == nil || !strings.Contains(got, "set networkPlugin of the profile to a manifest of your own") {
				t.Errorf("%v: %s", err, got)
			}
		})
	}
}

func TestFlannel_ofTheImageIsAppliedAsItIs(t *testing.T) {
	if text := string(readable(t, pluginLayer(t, "10.244.0.0/16"))); strings.Contains(text, "ExecStartPre") || !strings.Contains(text, "apply -f "+altcos.FlannelManifest+"\n") {
		t.Errorf("got\n%s", text)
	}
}
