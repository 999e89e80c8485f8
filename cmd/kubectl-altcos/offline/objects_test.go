// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package offline_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/cmd/kubectl-altcos/offline"
)

// document is one of namespace team that says no more than it must.
func document(apiVersion, kind, name, spec string) string {
	return fmt.Sprintf("---\napiVersion: %s\nkind: %s\nmetadata: {name: %s, namespace: team}\nspec: %s\n", apiVersion, kind, name, spec)
}

const (
	core           = "cluster.x-k8s.io/v1beta2"
	infrastructure = "infrastructure.cluster.x-k8s.io/v1alpha1"
	bootstrap      = "bootstrap.cluster.x-k8s.io/v1alpha1"
	machineSpec    = "{vcpus: 2, memory: 4Gi, host: node5, image: {volume: altcos.qcow2}}"
)

func machineTemplate(name string) string {
	return document(infrastructure, "LibvirtMachineTemplate", name, "{template: {spec: "+machineSpec+"}}")
}

func configTemplate(name string) string {
	return document(bootstrap, "AltcosBootstrapConfigTemplate", name, `{template: {spec: {hosts: [{address: 10.150.0.99, names: [proof-of-profile]}]}}}`)
}

func TestRender_refusesTwoOfAName(t *testing.T) {
	secret := func(namespace string) string {
		return fmt.Sprintf("---\napiVersion: v1\nkind: Secret\nmetadata: {name: twice%s}\nstringData: {a: s3cr3t}\n", namespace)
	}
	cases := map[string]struct{ more, want string }{
		"a document twice":             {secret("") + secret(""), `cluster.yaml: document 14: Secret "twice": is duplicated; it is also in cluster.yaml: document 13`},
		"with and without a namespace": {secret("") + secret(", namespace: default"), `Secret "twice": is duplicated; it is also in cluster.yaml: document 13`},
		"a cluster for two": {document(infrastructure, "LibvirtCluster", "other", "{network: {nameservers: [10.150.0.1]}}") + document(core, "Cluster", "other",
			"{infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: LibvirtCluster, name: absent}}"),
			`LibvirtCluster "other": Cluster "other" refers to LibvirtCluster "absent": let it refer to this one, or rename this one`},
		"a machine for two": {document(infrastructure, "LibvirtMachine", "other", machineSpec) + document(core, "Machine", "other",
			"{clusterName: demo, infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: LibvirtMachine, name: extra}}"),
			`LibvirtMachine "other": Machine "other" refers to LibvirtMachine "extra": let a Machine refer to this one, or rename this one`},
		"a config beside the sample of its template": {document(bootstrap, "AltcosBootstrapConfig", "demo-worker", "{}"),
			`AltcosBootstrapConfig "demo-worker": has the name of one that is created here`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := render(t, append(manifests(t), tc.more...), "")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("\n got %v\nwant %s", err, tc.want)
			}
			if strings.Contains(err.Error(), "s3cr3t") {
				t.Error("the message holds what is secret")
			}
		})
	}
}

func TestRender_takesWhatAClusterFillsIn(t *testing.T) {
	withoutRef := bytes.Replace(manifests(t), []byte("  infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: LibvirtCluster, name: demo}\n"), nil, 1)
	out, err := render(t, withoutRef, "")
	if err != nil {
		t.Fatal(err)
	}
	if file(out, "node3/haproxy.cfg") == nil {
		t.Error("nothing was rendered for the Cluster")
	}
}

// Objects that move from one cluster to another are paused, and people read their manifests then.
func TestRender_rendersWhatIsPaused(t *testing.T) {
	paused := []byte("metadata:\n  annotations: {cluster.x-k8s.io/paused: \"\"}\n")
	data := bytes.ReplaceAll(manifests(t), []byte("metadata:\n"), paused)
	data = bytes.ReplaceAll(data, []byte("  template:\n    spec:\n"), []byte("  template:\n    metadata: {annotations: {cluster.x-k8s.io/paused: \"\"}}\n    spec:\n"))
	data = bytes.Replace(data, []byte("  controlPlaneRef: "), []byte("  paused: true\n  controlPlaneRef: "), 1)
	got, err := render(t, data, "")
	if err != nil {
		t.Fatal(err)
	}
	want, err := render(t, manifests(t), "")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(got.Files, want.Files, func(a, b offline.File) bool { return a.Path == b.Path && bytes.Equal(a.Content, b.Content) }) {
		t.Error("paused objects give other files")
	}
}

func TestRender_refusesWhatNobodyReconciles(t *testing.T) {
	data := bytes.Replace(manifests(t), []byte("kind: LibvirtCluster\nmetadata:\n"), []byte("kind: LibvirtCluster\nmetadata:\n  annotations: {cluster.x-k8s.io/managed-by: terraform}\n"), 1)
	_, err := render(t, data, "")
	if want := `LibvirtCluster "demo": its controller ignores it; is it managed externally?`; err == nil || err.Error() != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
}

func TestRender_findsTheProfileOfATemplate(t *testing.T) {
	machines := func(kind, name, config string) string {
		return document(core, kind, name, fmt.Sprintf(`{clusterName: demo, selector: {}, template: {spec: {clusterName: demo,
  bootstrap: {configRef: {apiGroup: bootstrap.cluster.x-k8s.io, kind: %s, name: late-profile}},
  infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: LibvirtMachineTemplate, name: late}}}}`, config))
	}
	cases := map[string]struct {
		more    string
		applied bool
		warning string
	}{
		"by a MachineDeployment": {machines("MachineDeployment", "late", "AltcosBootstrapConfigTemplate") + configTemplate("late-profile"), true, ""},
		"by a MachineSet":        {machines("MachineSet", "late", "AltcosBootstrapConfigTemplate") + configTemplate("late-profile"), true, ""},
		"by its name":            {configTemplate("late"), true, ""},
		"not by another name":    {configTemplate("other"), false, `AltcosBootstrapConfigTemplate "other" is used by no machine in the manifests`},
		"not in place of another kind": {machines("MachineDeployment", "late", "KubeadmConfigTemplate") + configTemplate("late-profile"), false,
			`AltcosBootstrapConfigTemplate "late-profile" is used by no machine in the manifests`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := render(t, append(append(manifests(t), tc.more...), machineTemplate("late")...), "")
			if err != nil {
				t.Fatal(err)
			}
			if got := bytes.Contains(file(out, "late.ign"), []byte("proof-of-profile")); got != tc.applied {
				t.Errorf("the profile is applied: %t", got)
			}
			if tc.warning != "" && !slices.Contains(out.Warnings, tc.warning) {
				t.Errorf("warnings are %q", out.Warnings)
			}
			if tc.warning == "" && strings.Contains(strings.Join(out.Warnings, "\n"), "AltcosBootstrapConfigTemplate") {
				t.Errorf("warnings are %q", out.Warnings)
			}
		})
	}
}

// file returns the content of a file, nil when there is none.
func file(out offline.Output, path string) []byte {
	for _, f := range out.Files {
		if f.Path == path {
			return f.Content
		}
	}
	return nil
}
