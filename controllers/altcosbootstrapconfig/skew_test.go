// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcosbootstrapconfig_test

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/altcos/cluster-api-provider-altcos/test/builder"
)

func TestReconcile_tellsOfKubeadmsOfOtherVersions(t *testing.T) {
	cases := map[string]struct {
		worker        string
		controlPlanes []string
		told          bool
	}{
		"an older worker":                  {"v1.34.9", []string{"v1.35.4"}, true},
		"a newer worker":                   {"v1.35.0", []string{"v1.34.9", ""}, true},
		"another patch":                    {"v1.35.0", []string{"v1.35.4"}, false},
		"a control plane that is upgraded": {"v1.34.9", []string{"v1.34.9", "v1.35.4"}, false},
		"a worker of no version":           {"", []string{"v1.35.4"}, false},
		"a control plane without versions": {"v1.35.4", []string{""}, false},
		"a control plane without Machines": {"v1.35.4", nil, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newCluster(t)
			for i, version := range tc.controlPlanes {
				w.Create(builder.Machine(w.Meta(fmt.Sprint("cp", i)), builder.ControlPlane, func(m *clusterv1.Machine) { m.Spec.Version = version }))
			}
			w.addMachine("m", func(m *clusterv1.Machine) { m.Spec.Version = tc.worker })
			w.Expect(w.Converge("m")).To(Succeed())
			w.child() // is made nevertheless
			if told := w.Told(); tc.told {
				w.Expect(told).To(ContainElement(HavePrefix(`Warning KubeadmVersionSkew Machine "m" has version ` + tc.worker)))
			} else {
				w.Expect(told).NotTo(ContainElement(ContainSubstring("KubeadmVersionSkew")))
			}
		})
	}
}
