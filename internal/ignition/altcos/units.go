// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos

import (
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
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
