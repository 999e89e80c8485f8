// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos

import (
	_ "embed"
	"net/netip"
	"path"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// NetworkPlugin is applied once, on the machine where kubeadm init ran. At most one of its fields is set; the zero
// value means the image's flannel.
type NetworkPlugin struct {
	// None leaves the cluster without a plugin, for a person or an add-on provider to bring one.
	None bool
	// ManifestPath is a manifest on the image.
	ManifestPath string
	// Manifest is the manifest itself.
	Manifest []byte
}

// IsFlannel reports whether the plugin is the image's flannel, which needs to know the networks of pods.
func (n NetworkPlugin) IsFlannel() bool {
	return !n.None && n.ManifestPath == "" && n.Manifest == nil
}

// FlannelManifest is where the image keeps flannel.
const FlannelManifest = "/usr/share/k8s/flannel/kube-flannel.yml"

// flannelPods is the network that flannel's manifest has pods in.
const flannelPods = "10.244.0.0/16"

// flannelScript copies the image's manifest with another network for pods.
//
//go:embed flannel.sh
var flannelScript []byte

// NetworkPluginLayer returns the layer for the first control plane; empty when the profile has no plugin. Flannel
// needs pods: one network, or one of each family.
func (p *Profile) NetworkPluginLayer(pods []netip.Prefix) (ignition.Layer, error) {
	var problems problem.List
	b := &ignition.Builder{}
	p.networkPlugin(b, pods, &problems)
	return ignition.Layer{Name: "network plugin", Config: b.Config}, problem.In("profile", problems.Err())
}

func (p *Profile) networkPlugin(b *ignition.Builder, pods []netip.Prefix, problems *problem.List) {
	n := p.NetworkPlugin
	manifest, before := n.ManifestPath, ignition.Option{}
	switch {
	case n.None && (n.ManifestPath != "" || n.Manifest != nil), n.ManifestPath != "" && n.Manifest != nil:
		problems.Addf("networkPlugin", "must be only one of none, a manifest path and a manifest")
		return
	case n.None:
		return
	case n.Manifest != nil:
		manifest = StateDir + "/network-plugin.yaml"
		b.File(manifest, 0o600, n.Manifest)
	case n.IsFlannel():
		manifest, before = flannel(b, pods, problems)
	case !path.IsAbs(manifest) || strings.ContainsAny(manifest, " \t\n\"'\\$%;"):
		problems.Addf("networkPlugin.manifestPath", "must be an absolute path without blanks, quotes, $ and %%")
		return
	}
	applyOnce(b, manifest, before)
}

// flannel returns the manifest to apply, and what must run before when that is not the image's own.
func flannel(b *ignition.Builder, pods []netip.Prefix, problems *problem.List) (manifest string, before ignition.Option) {
	v4, v6 := "-", "-"
	for _, p := range pods {
		family := &v4
		if p.Addr().Is6() {
			family = &v6
		}
		if *family != "-" || !p.IsValid() {
			problems.Addf("networkPlugin", "flannel needs one network for pods, or one of each family")
			return "", before
		}
		*family = p.Masked().String()
	}
	if len(pods) == 0 || v4 == flannelPods && v6 == "-" {
		return FlannelManifest, before
	}
	script, manifest := StateDir+"/flannel.sh", StateDir+"/kube-flannel.yml"
	b.File(script, 0o600, flannelScript)
	return manifest, ignition.Set("ExecStartPre", strings.Join([]string{"/bin/sh", script, FlannelManifest, manifest, v4, v6}, " "))
}

// applyOnce applies the manifest when kubeadm is done, while the user's commands after it run: they may wait for a
// node that is ready. The condition is in the path unit, since a path that exists would start a service with an unmet
// condition again and again.
func applyOnce(b *ignition.Builder, manifest string, before ignition.Option) {
	done := StateDir + "/network-plugin.done"
	b.Unit(NetworkPluginPathUnit, ignition.UnitText{}.
		Section("Unit",
			ignition.Set("Description", "Wait for kubeadm to apply the network plugin of the cluster"),
			ignition.Set("ConditionPathExists", "!"+done)).
		Section("Path", ignition.Set("PathExists", KubeadmDone)).
		Section("Install", ignition.Set("WantedBy", "multi-user.target")), "multi-user.target")
	b.Unit(NetworkPluginUnit, ignition.UnitText{}.
		Section("Unit",
			ignition.Set("Description", "Apply the network plugin of the cluster"),
			ignition.Set("StartLimitIntervalSec", "0")).
		Section("Service",
			ignition.Set("Type", "oneshot"),
			ignition.Set("RemainAfterExit", "yes"),
			// the API server answers through the load balancer only after its first health checks
			ignition.Set("Restart", "on-failure"),
			ignition.Set("RestartSec", "5"),
			ignition.Set("Environment", "HOME=/root KUBECONFIG=/etc/kubernetes/admin.conf"),
			before,
			ignition.Set("ExecStart", "kubectl apply -f "+manifest),
			ignition.Set("ExecStartPost", "/bin/touch "+done)))
}
