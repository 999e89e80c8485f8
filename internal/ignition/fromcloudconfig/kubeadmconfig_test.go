// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudconfig_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

func staged(t *testing.T, content string) string {
	t.Helper()
	text, err := json.Marshal(content)
	assert.NoError(t, err)
	for _, f := range layer(t, "write_files: [{path: /run/kubeadm/kubeadm.yaml, content: "+string(text)+"}]").Storage.Files {
		if strings.HasPrefix(f.Path, altcos.StateDir+"/stage/") {
			if *f.Mode != 0o600 {
				t.Errorf("mode %o", *f.Mode)
			}
			return contents(t, f.Contents)
		}
	}
	t.Fatal("no staged file")
	return ""
}

func TestConvert_choosesTheCRISocketOnlyWhenNobodyDid(t *testing.T) {
	cases := map[string]struct{ in, want string }{
		"a registration without socket": {
			"---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration:\n  kubeletExtraArgs:\n  - name: v\n    value: \"010\"\n  taints: null\n",
			"---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration:\n  kubeletExtraArgs:\n  - name: v\n    value: \"010\"\n  taints: null\n  criSocket: unix:///var/run/crio/crio.sock\n",
		},
		"no registration, and v1beta3": {
			"apiVersion: kubeadm.k8s.io/v1beta3\nkind: JoinConfiguration\n",
			"---\napiVersion: kubeadm.k8s.io/v1beta3\nkind: JoinConfiguration\nnodeRegistration:\n  criSocket: unix:///var/run/crio/crio.sock\n",
		},
		"an empty registration": {
			"apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration: {}\n",
			"---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration:\n  criSocket: unix:///var/run/crio/crio.sock\n",
		},
		"an empty socket": {
			"apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration:\n  criSocket: \"\"\n",
			"---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration:\n  criSocket: unix:///var/run/crio/crio.sock\n",
		},
		"a socket of the user, and unusual spelling": {
			"---\napiVersion:   kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration: {criSocket: unix:///run/containerd/containerd.sock}\n",
			"---\napiVersion:   kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration: {criSocket: unix:///run/containerd/containerd.sock}\n",
		},
		"two documents, of which one changes": {
			"---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nnetworking: {}\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration: {}\n",
			"---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nnetworking: {}\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration:\n  criSocket: unix:///var/run/crio/crio.sock\n",
		},
		"documents of other kinds": {"apiVersion: x/v1\nkind: Other\n", "apiVersion: x/v1\nkind: Other\n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.want, staged(t, tc.in))
		})
	}
}
