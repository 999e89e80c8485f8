// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_6"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	"sigs.k8s.io/cluster-api/bootstrap/kubeadm/pkg/cloudinit"

	"github.com/altcos/cluster-api-provider-altcos/internal/bootstrapdata"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/ignitiontest"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/render"
	"github.com/altcos/cluster-api-provider-altcos/internal/nodenetwork"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
	"github.com/altcos/cluster-api-provider-altcos/test/golden"
)

func node(name, address string) *altcos.Node {
	return &altcos.Node{
		Hostname: name, ProviderID: "libvirt://6f1d3c3e-0000-4000-8000-000000000161",
		Interfaces: []nodenetwork.Interface{{
			MAC:         "52:54:00:00:00:61",
			Addresses:   []netip.Prefix{netip.MustParsePrefix(address + "/24")},
			Gateways:    []netip.Addr{netip.MustParseAddr("10.150.0.1")},
			Nameservers: []netip.Addr{netip.MustParseAddr("10.150.0.1")},
		}},
	}
}

func cloudConfig(tb testing.TB, kind cabpk.Kind) bootstrapdata.Data {
	tb.Helper()
	return bootstrapdata.Data{Format: bootstrapdata.FormatCloudConfig, Value: cabpk.Render(tb, kind, cloudinit.BaseUserData{
		PreKubeadmCommands: []string{"echo pre"}, PostKubeadmCommands: []string{"echo 'post'"},
	}, bootstrapv1.NodeRegistrationOptions{Name: "{{ ds.meta_data.local_hostname }}"})}
}

func TestRender_matchesGoldenForEveryKindOfMachine(t *testing.T) {
	for _, kind := range []cabpk.Kind{cabpk.Init, cabpk.JoinCP, cabpk.Worker} {
		t.Run(string(kind), func(t *testing.T) {
			in := render.Input{Bootstrap: cloudConfig(t, kind), Node: node("master01", "10.150.0.161")}
			got, err := render.Render(in)
			assert.NoError(t, err)
			golden.Assert(t, got, "testdata/"+string(kind)+".golden.ign")
			golden.Assert(t, ignitiontest.Text(t, ignitiontest.Parse(t, got)), "testdata/"+string(kind)+".golden.txt")
		})
	}
}

func TestRender_keepsTheSpecOfForeignIgnition(t *testing.T) {
	cases := map[string]struct{ in, version string }{
		"3.0.0":              {`{"ignition":{"version":"3.0.0"}}`, "3.2.0"},
		"3.3.0":              {`{"ignition":{"version":"3.3.0"},"kernelArguments":{"shouldExist":["console=ttyS0"]}}`, "3.3.0"},
		"3.4.0":              {`{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/etc/hostname","contents":{"source":"data:,foreign"}},{"path":"/etc/x","mode":2541}]}}`, "3.4.0"},
		"3.6.0":              {`{"ignition":{"version":"3.6.0"},"storage":{"files":[{"path":"/etc/x","mode":2541}]}}`, "3.6.0"},
		"3.5.0 inside 3.1.0": {`{"ignition":{"version":"3.1.0","config":{"merge":[{"source":"data:,%7B%22ignition%22%3A%7B%22version%22%3A%223.5.0%22%7D%7D"}]}}}`, "3.5.0"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := mustRender(t, render.Input{Bootstrap: bootstrapdata.Data{Format: bootstrapdata.FormatIgnition, Value: []byte(tc.in)}, Node: node("worker01", "10.150.0.171")})
			cfg, rpt, err := v3_6.ParseCompatibleVersion(got)
			if err != nil || len(rpt.Entries) > 0 {
				t.Fatalf("Ignition refuses the config: %v %s", err, rpt.String())
			}
			if !bytes.Contains(got, []byte(`"version":"`+tc.version+`"`)) {
				t.Errorf("got %s", got)
			}
			for _, f := range cfg.Storage.Files {
				if f.Path == "/etc/hostname" && *f.Contents.Source != "data:,worker01%0A" {
					t.Errorf("host name is %s", *f.Contents.Source)
				}
			}
			for _, want := range []string{"console=ttyS0", `"/etc/x"`} {
				if bytes.Contains([]byte(tc.in), []byte(want)) && !bytes.Contains(got, []byte(want)) {
					t.Errorf("%s is lost: %s", want, got)
				}
			}
			if !bytes.Contains(got, []byte("--provider-id=libvirt://")) {
				t.Errorf("the node layer is missing: %s", got)
			}
		})
	}
}

func TestRender_saysWhatIsWrongInNewerIgnition(t *testing.T) {
	cases := map[string]struct{ in, want string }{
		"experimental": {`{"ignition":{"version":"3.7.0-experimental"}}`, "bootstrap data: ignition.version: must be a released spec between 3.0.0 and 3.6.0"},
		"of version 2": {`{"ignition":{"version":"2.3.0"}}`, "bootstrap data: ignition.version: must be a released spec between 3.0.0 and 3.6.0"},
		"a bad path":   {`{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"x"}]}}`, "bootstrap data: line 1 column 61: $.storage.files.0.path: path not absolute"},
		"a unit in the way": {`{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/etc/systemd/system/kubelet.service.d/kubeadm.conf"}]}}`,
			"$.storage.files.0.path: path conflicts with systemd unit or dropin"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := render.Render(render.Input{Bootstrap: bootstrapdata.Data{Format: bootstrapdata.FormatIgnition, Value: []byte(tc.in)}, Node: node("worker01", "10.150.0.171")})
			if found := problem.All(err); len(found) == 0 || found[0].Error() != tc.want {
				t.Errorf("got %v", err)
			}
		})
	}
}

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

func TestUnknownDisks_saysWhichDiskTheMachineLacks(t *testing.T) {
	profile := string(mustRender(t, render.Input{Profile: &altcos.Profile{ContainerStorage: altcos.ContainerStorage{Device: altcos.DeviceBySerial("data")}},
		Bootstrap: cloudConfig(t, cabpk.Worker), Node: node("worker01", "10.150.0.171")}))
	cases := map[string]struct {
		config  string
		serials []string
		want    []string
	}{
		"all are there":                   {profile, []string{"root", "data"}, nil},
		"the container disk is not":       {profile, []string{"root", "date"}, []string{"storage.disks[0].device"}},
		"none is wanted":                  {`{}`, []string{"root"}, nil},
		"disks of other names":            {`{"storage":{"disks":[{"device":"/dev/vdb"},{"device":"/dev/disk/by-id/coreos-boot-disk"}]}}`, []string{"root"}, nil},
		"a file system without partition": {`{"storage":{"filesystems":[{"device":"/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_b-part1"}]}}`, []string{"root", "b"}, nil},
		"a disk named like a partition":   {`{"storage":{"disks":[{"device":"/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_b-part1"}]}}`, []string{"b-part1"}, nil},
		"a file system on another's disk": {`{"storage":{"filesystems":[{"device":"/dev/vdb"},{"device":"/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_c-part1"}]}}`, []string{"root", "b"}, []string{"storage.filesystems[1].device"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, p := range problem.All(render.UnknownDisks([]byte(tc.config), tc.serials)) {
				got = append(got, p.Path)
			}
			assert.Equal(t, tc.want, got)
		})
	}
	if err := render.UnknownDisks([]byte("x"), nil); err == nil || render.IsInputError(err) {
		t.Errorf("got %v", err)
	}
}
