// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package offline_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/altcos/cluster-api-provider-altcos/cmd/kubectl-altcos/offline"
	"github.com/altcos/cluster-api-provider-altcos/cmd/kubectl-altcos/offline/manifest"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/ignitiontest"
	"github.com/altcos/cluster-api-provider-altcos/test/golden"
)

const machineType = "pc-q35-7.2"

func render(t *testing.T, data []byte, bootstrapData string) (offline.Output, error) {
	t.Helper()
	return offline.Render(t.Context(), offline.Input{
		Manifests: []manifest.File{{Name: "cluster.yaml", Data: data}}, BootstrapData: []byte(bootstrapData), MachineType: machineType,
	})
}

func manifests(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/cluster.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRender_matchesGolden(t *testing.T) {
	out, err := render(t, manifests(t), "")
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, f := range out.Files {
		paths = append(paths, f.Path)
		name := "testdata/cluster/" + strings.ReplaceAll(f.Path, "/", "-")
		if machine, ok := strings.CutSuffix(name, ".ign"); ok {
			golden.Assert(t, f.Content, machine+".golden.ign")
			golden.Assert(t, ignitiontest.Text(t, ignitiontest.Parse(t, f.Content)), machine+".golden.txt")
			if f.Mode != 0o600 {
				t.Errorf("%s may be read by mode %o", f.Path, f.Mode)
			}
			continue
		}
		if strings.HasSuffix(name, ".xml") {
			golden.Assert(t, f.Content, name+".golden")
		}
	}
	want := []string{
		"demo-control-plane.ign", "demo-control-plane.xml", "demo-worker.ign", "demo-worker.xml", "extra.ign", "extra.xml",
		"node3/haproxy.cfg", "node3/keepalived.conf", "node4/haproxy.cfg", "node4/keepalived.conf", "node5/haproxy.cfg", "node5/keepalived.conf",
	}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("files (-want +got)\n%s", diff)
	}
	golden.Assert(t, []byte(strings.Join(out.Warnings, "\n")+"\n"), "testdata/cluster/warnings.golden.txt")
}

// The text of load balancers has its goldens in internal/loadbalancer; here it matters what they are made for.
func TestRender_givesEveryHostItsPartOfTheLoadBalancer(t *testing.T) {
	out, err := render(t, manifests(t), "")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"node3/haproxy.cfg":     {"bind 10.150.0.160:8443 ", "server demo-control-plane 10.150.0.161:6443 "},
		"node3/keepalived.conf": {"priority 254\n", "virtual_router_id 60\n", "unicast_src_ip 10.150.0.13\n", " 10.150.0.14\n", " 192.0.2.202\n", " 10.150.0.160/32 dev br0\n"},
		"node4/haproxy.cfg":     {"server demo-control-plane 10.150.0.161:6443 "},
		"node4/keepalived.conf": {"priority 252\n", "unicast_src_ip 10.150.0.14\n"},
		"node5/haproxy.cfg":     {"server demo-control-plane 10.150.0.161:6443 "},
		"node5/keepalived.conf": {"priority 250\n", "unicast_src_ip 192.0.2.202\n"},
	}
	for _, f := range out.Files {
		for _, text := range want[f.Path] {
			if !bytes.Contains(f.Content, []byte(text)) {
				t.Errorf("%s does not hold %q:\n%s", f.Path, text, f.Content)
			}
		}
		delete(want, f.Path)
	}
	if len(want) > 0 {
		t.Errorf("not rendered: %v", want)
	}
}

func TestRender_isStable(t *testing.T) {
	first, err := render(t, manifests(t), "")
	if err != nil {
		t.Fatal(err)
	}
	second, err := render(t, manifests(t), "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("(-first +second)\n%s", diff)
	}
}

func TestRender_takesBootstrapData(t *testing.T) {
	cases := map[string]struct{ in, want string }{
		"a cloud-config":     {"#cloud-config\nwrite_files: [{path: /etc/mine, content: hello}]\n", "/etc/mine"},
		"an Ignition config": {`{"ignition":{"version":"3.1.0"},"storage":{"files":[{"path":"/etc/mine"}]}}`, "/etc/mine"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := render(t, manifests(t), tc.in)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range out.Files {
				if strings.HasSuffix(f.Path, ".ign") && !bytes.Contains(f.Content, []byte(tc.want)) {
					t.Errorf("%s does not hold %s", f.Path, tc.want)
				}
			}
		})
	}
}

func TestRender_refusesWithFieldPath(t *testing.T) {
	cases := map[string]struct{ old, replacement, bootstrapData, want string }{
		"a field that does not exist": {"vcpus: 4", "vcpu: 4", "",
			`cluster.yaml: document 9: LibvirtMachineTemplate "demo-worker": strict decoding error: unknown field "spec.template.spec.vcpu"`},
		"a value of the wrong type": {"vcpus: 4", "vcpus: many", "", "spec.template.spec.vcpus"},
		"a value out of range":      {"vcpus: 4", "vcpus: 0", "", `LibvirtMachineTemplate "demo-worker": spec.template.spec.vcpus: Invalid value: 0`},
		"a broken rule": {"image: {volume: altcos.qcow2}\n      root", "image: {volume: altcos.qcow2, sha256: \"0000000000000000000000000000000000000000000000000000000000000000\"}\n      root", "",
			"spec.template.spec.image: Invalid value: sha256 is needed with url, and only then"},
		"an address that is none":    {"address: 10.150.0.9", "address: nowhere", "", `spec.template.spec.hosts[0].address: Invalid value: "nowhere": must be an IP address`},
		"Butane with an unknown key": {"storage:\n          files", "storage:\n          fils", "", `cluster.yaml: document 10: AltcosBootstrapConfigTemplate "demo-worker": spec.template.spec.butane: Invalid value: line 4 column 3: $.storage.fils: unused key fils`},
		"Butane of a template that no machine uses": {"configRef: {apiGroup: bootstrap.cluster.x-k8s.io, kind: AltcosBootstrapConfigTemplate, name: demo-worker}", "dataSecretName: x}\n---\napiVersion: bootstrap.cluster.x-k8s.io/v1alpha1\nkind: AltcosBootstrapConfigTemplate\nmetadata: {name: unused}\nspec: {template: {spec: {butane: \"variant: fcos\"}}}\n---\n# {", "",
			`AltcosBootstrapConfigTemplate "unused": spec.template.spec.butane: Invalid value: is not valid Butane: `},
		"Ignition of kubeadm's provider": {"containerStorage: {dataDisk: containers}", "kubeadm: {format: ignition}", "", `AltcosBootstrapConfigTemplate "demo-control-plane": spec.template.spec.kubeadm.format: `},
		"a profile of no use":            {"containerStorage: {dataDisk: containers}", "users: [{name: a, sshAuthorizedKeys: [\"a\\nb\"]}]", "", `AltcosBootstrapConfigTemplate "demo-control-plane": spec.template.spec.users[0].sshAuthorizedKeys[0]: Invalid value: must be one line of authorized_keys`},
		"a host name too long":           {"names: [registry]", "names: [" + strings.Repeat("a", 64) + "]", "", `spec.template.spec.hosts[0].names[0]: Invalid value`},
		"Btrfs without a disk":           {"containerStorage: {dataDisk: containers}", "containerStorage: {driver: Btrfs}", "", `Btrfs needs dataDisk or device, since the root disk is ext4`},
		"a disk that is absent":          {"containerStorage: {dataDisk: containers}", "containerStorage: {dataDisk: container}", "", `LibvirtMachine "demo-control-plane": `},
		"a name with slashes":            {"  name: extra", "  name: ../../evil", "", `LibvirtMachine "../../evil": metadata.name: Invalid value: `},
		"a namespace of no use":          {"  name: extra\n  namespace: team", "  name: extra\n  namespace: a/b", "", `LibvirtMachine "extra": metadata.namespace: Invalid value: `},
		"pods that flannel lacks":        {"cidrBlocks: [10.32.0.0/16]", "cidrBlocks: [10.32.0.0/16, 10.33.0.0/16]", "", `ClusterConfiguration.networking.podSubnet: must be one address range for flannel, or one of each family`},
		"a template that is absent":      {"altcosTemplateRef: {name: demo-control-plane}", "altcosTemplateRef: {name: absent}", "", `LibvirtMachine "demo-control-plane": ProfileMissing: BootstrapDataRendered: AltcosBootstrapConfigTemplate "absent" of spec.altcosTemplateRef does not exist`},
		"windows without strategy":       {"osUpdates: Periodic", "osUpdates: Disabled", "", "osUpdateWindows are needed with osUpdates Periodic, and only then"},
		"a Secret that is absent":        {"name: mine, key", "name: absent, key", "", `AltcosBootstrapConfig "demo-worker": ProfileMissing: DataSecretAvailable: butaneFrom[0]: Secret "absent"`},
		"a Secret of no use":             {"dmFyaWFudDogZmNvcwp2", "dmFyaWFudDogZmNvczp2", "", "butaneFrom[0]: is refused; details are left out, since the document is a Secret"},
		"a host that is absent":          {"host: node5", "host: node6", "", `LibvirtMachine "extra": HostUnknown: HostAssigned: LibvirtHost "node6" of spec.host does not exist`},
		"kubeadm data of no use": {"", "", "#cloud-config\nusers: [{name: a, inactive: true}]\n",
			"bootstrap data: users[0].inactive: is not supported: Ignition cannot make an inactive user; use lock_passwd or an expiry command"},
		"an endpoint that is no address": {"host: 10.150.0.160", "host: api.example.org", "",
			`LibvirtCluster "demo": EndpointInvalid: EndpointReady: spec.controlPlaneEndpoint.host: "api.example.org" must be an IP address, since the load balancer is Managed`},
		"a version that is not served": {"infrastructure.cluster.x-k8s.io/v1alpha1\nkind: LibvirtCluster", "infrastructure.cluster.x-k8s.io/v1beta1\nkind: LibvirtCluster", "", `LibvirtCluster "demo": apiVersion: Unsupported value`},
		"an object without name":       {"metadata:\n  name: extra", "metadata:\n  labels: {}", "", `LibvirtMachine "": metadata.name: Required value`},
		"a pool that is used up":       {"10.150.0.160-10.150.0.179", "10.150.0.160-10.150.0.161", "", `InClusterIPPool "nodes": spec.addresses: no address is left for claim "demo-worker-0-0"`},
		"no YAML":                      {"kind: List", "kind: [", "", "cluster.yaml: document 4: "},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			data := manifests(t)
			if tc.old != "" && !bytes.Contains(data, []byte(tc.old)) {
				t.Fatalf("the manifests do not hold %q", tc.old)
			}
			out, err := render(t, bytes.Replace(data, []byte(tc.old), []byte(tc.replacement), 1), tc.bootstrapData)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("\n got %v\nwant %s", err, tc.want)
			}
			if len(out.Files) > 0 {
				t.Error("something was rendered nevertheless")
			}
		})
	}
}

func TestRender_needsHostsAndACluster(t *testing.T) {
	for name, data := range map[string]string{
		"there is no LibvirtHost": "", "there is no LibvirtCluster": "apiVersion: infrastructure.cluster.x-k8s.io/v1alpha1\nkind: LibvirtHost\nmetadata: {name: a}\nspec: {uri: \"qemu+unix:///system\"}\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := render(t, []byte(data), "")
			if err == nil || !strings.HasPrefix(err.Error(), name) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestRender_takesSecretsAsPeopleWriteThem(t *testing.T) {
	data := bytes.Replace(manifests(t), []byte("\ndata:\n  butane: dmFyaWFudDogZmNvcwp2ZXJzaW9uOiAxLjMuMApzdG9yYWdlOgogIGZpbGVzOgogIC0gcGF0aDogL2V0Yy9teS1zZWNyZXQKICAgIG1vZGU6IDA2MDAKICAgIGNvbnRlbnRzOiB7aW5saW5lOiBzM2NyM3R9Cg==\n"),
		[]byte("\nstringData:\n  butane: '{\"ignition\":{\"version\":\"3.2.0\"},\"storage\":{\"files\":[{\"path\":\"/etc/as-text\"}]}}'\n"), 1)
	out, err := render(t, data, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range out.Files {
		if f.Path == "demo-worker.ign" && !bytes.Contains(f.Content, []byte("/etc/as-text")) {
			t.Errorf("the Secret is not in it: %s", f.Content)
		}
	}
}

func TestRender_warns(t *testing.T) {
	cases := map[string]struct{ old, replacement, want string }{
		"of a Secret that controllers do not see": {"  labels: {cluster.x-k8s.io/cluster-name: demo}\n", "",
			`Secret "mine": metadata.labels[cluster.x-k8s.io/cluster-name] is missing: the controllers would not see it, and butaneFrom[0] of "demo-worker" needs it`},
		"of a cluster without networks for pods": {"  clusterNetwork: {pods: {cidrBlocks: [10.32.0.0/16]}}\n", "",
			`Cluster "demo": spec.clusterNetwork.pods.cidrBlocks is empty: 10.244.0.0/16 is used as a placeholder; flannel needs it`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := render(t, bytes.Replace(manifests(t), []byte(tc.old), []byte(tc.replacement), 1), "")
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(out.Warnings, tc.want) {
				t.Errorf("warnings are %q", out.Warnings)
			}
		})
	}
}
