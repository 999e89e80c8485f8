// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos

import (
	_ "embed"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

//go:embed kube.sh
var kubeProfile string

// shell gives root and altcos a working kubectl. Other users get nothing: the admin's kubeconfig is root's.
func (p *Profile) shell(b *ignition.Builder, problems *problem.List) {
	switch or(p.ShellProfile, ShellKubeconfig) {
	case ShellKubeconfig:
		b.File("/etc/profile.d/kube.sh", 0o755, []byte(ignition.Script(kubeProfile)))
	case ShellNone:
	default:
		problems.Addf("shellProfile", "must be Kubeconfig or None")
	}
}
