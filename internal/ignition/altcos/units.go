// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos

import (
	"path"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/problem"
)

// preload loads the archives that the OS image carries, once, before kubeadm. An image without archives skips it.
func (p *Profile) preload(b *ignition.Builder, problems *problem.List) {
	switch or(p.ImagePreload, PreloadNone) {
	case PreloadNone:
		return
	case PreloadArchives:
	default:
		problems.Addf("imagePreload", "must be Archives or None")
		return
	}
	done := StateDir + "/images.done"
	b.Unit(PreloadUnit, ignition.UnitText{}.
		Section("Unit",
			ignition.Set("Description", "Load container images of the OS image"),
			ignition.Set("ConditionDirectoryNotEmpty", "/usr/dockerImages"),
			ignition.Set("ConditionPathExists", "!"+done),
			ignition.Set("RequiresMountsFor", "/var/lib/containers"),
			ignition.Set("Before", KubeadmUnit)).
		Section("Service",
			ignition.Set("Type", "oneshot"),
			ignition.Set("RemainAfterExit", "yes"),
			ignition.Set("ExecStart", "/bin/loadDockerArchiveImages.sh"),
			ignition.Set("ExecStartPost", "/bin/touch "+done)).
		Section("Install", ignition.Set("WantedBy", "multi-user.target")), "multi-user.target")
	b.Dropin(KubeadmUnit, "10-preload.conf", ignition.UnitText{}.
		Section("Unit", ignition.Set("Requires", PreloadUnit), ignition.Set("After", PreloadUnit)))
}

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

// FlannelManifest is where the image keeps flannel.
const FlannelManifest = "/usr/share/k8s/flannel/kube-flannel.yml"

// NetworkPluginLayer returns the layer for the first control plane; empty when the profile wants no plugin.
func (p *Profile) NetworkPluginLayer() (ignition.Layer, error) {
	var problems problem.List
	b := &ignition.Builder{}
	p.networkPlugin(b, &problems)
	return ignition.Layer{Name: "network plugin", Config: b.Config}, problem.In("profile", problems.Err())
}

func (p *Profile) networkPlugin(b *ignition.Builder, problems *problem.List) {
	n := p.NetworkPlugin
	manifest := or(n.ManifestPath, FlannelManifest)
	switch {
	case n.None && (n.ManifestPath != "" || n.Manifest != nil), n.ManifestPath != "" && n.Manifest != nil:
		problems.Addf("networkPlugin", "must be only one of none, a manifest path and a manifest")
		return
	case n.None:
		return
	case n.Manifest != nil:
		manifest = StateDir + "/network-plugin.yaml"
		b.File(manifest, 0o600, n.Manifest)
	case !path.IsAbs(manifest) || strings.ContainsAny(manifest, " \t\n\"'\\$%;"):
		problems.Addf("networkPlugin.manifestPath", "must be an absolute path without blanks, quotes, $ and %%")
		return
	}
	done := StateDir + "/network-plugin.done"
	b.Unit(NetworkPluginUnit, ignition.UnitText{}.
		Section("Unit",
			ignition.Set("Description", "Apply the network plugin of the cluster"),
			ignition.Set("After", KubeadmUnit),
			ignition.Set("ConditionPathExists", KubeadmDone),
			ignition.Set("ConditionPathExists", "!"+done),
			ignition.Set("StartLimitIntervalSec", "0")).
		Section("Service",
			ignition.Set("Type", "oneshot"),
			ignition.Set("RemainAfterExit", "yes"),
			// the API server answers through the load balancer only after its first health checks
			ignition.Set("Restart", "on-failure"),
			ignition.Set("RestartSec", "5"),
			ignition.Set("Environment", "HOME=/root KUBECONFIG=/etc/kubernetes/admin.conf"),
			ignition.Set("ExecStart", "kubectl apply -f "+manifest),
			ignition.Set("ExecStartPost", "/bin/touch "+done)).
		Section("Install", ignition.Set("WantedBy", "multi-user.target")), "multi-user.target")
}
