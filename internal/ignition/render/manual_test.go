// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/altcos/cluster-api-provider-altcos/internal/bootstrapdata"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/butane"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/cabpktest"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/ignitiontest"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/render"
)

// difference is something of the manual that a rendered config has in another form: why, and a line of what it has.
type difference struct{ why, path, line string }

// differences from the manual, by "kind name". What is not listed must be the same.
var differences = map[string][]difference{
	"file /etc/sudoers.d/altcos": {{"any target user and group, and 0440 as sudo wants it", "file /etc/sudoers.d/altcos", "altcos ALL=(ALL:ALL) NOPASSWD: ALL"}},
	"file /etc/hosts":            {{"begins a new line, and the node's own line comes from the node layer", "file /etc/hosts", "10.150.0.162 master02"}},
	"file /etc/fstab": {
		{"a mount unit: no pass 2 for btrfs, no emergency shell when it fails, a stable device", "unit var-mnt-docker.mount", "What=/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_data-part1"},
		{"a mount unit that docker needs", "unit var-lib-docker.mount", "What=/var/mnt/docker/docker"},
		{"a mount unit that CRI-O needs", "unit var-lib-containers.mount", "What=/var/mnt/docker/containers"},
	},
	"file /etc/crio/crio.conf.d/00-btrfs.conf": {
		{"read after the image's own files; CRI-O finds conmon in its PATH", "file /etc/crio/crio.conf.d/90-altcos.conf", `storage_driver = "btrfs"`},
		{"the same directories", "file /etc/crio/crio.conf.d/90-altcos.conf", `plugin_dirs = ["/usr/libexec/cni", "/opt/cni/bin"]`},
	},
	"file /etc/containers/storage.conf":          {{"no overlay options with the btrfs driver", "file /etc/containers/storage.conf", `driver = "btrfs"`}},
	"file /etc/hostname":                         {{"ends with a line break", "file /etc/hostname", ""}},
	"file /etc/systemd/network/20-wired.network": {{"the NIC is found by its address", "file /etc/systemd/network/20-wired.network", "Gateway=10.150.0.1"}},
	"file /etc/profile.d/kube.sh":                {{"asks nothing, and serves root and altcos only", "file /etc/profile.d/kube.sh", "    export KUBECONFIG=/etc/kubernetes/admin.conf"}},
	"disk /dev/sdb":                              {{"a stable device", "disk /dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_data wipe=true", "partition 1 label=docker"}},
	"filesystem /dev/sdb1":                       {{"a stable device", "filesystem /dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_data-part1 btrfs label=docker wipe=true", ""}},
	"directory /var/mnt/docker":                  {{"nothing that is there is deleted", "directory /var/mnt/docker 0755", ""}},
	"unit initk8s.service": {
		{"runs by itself, once; kubeadm's options stand in its configuration", "unit altcos-kubeadm.service enabled", "ExecStart=/bin/sh /var/lib/altcos-bootstrap/bootstrap.sh"},
		{"output, with its tokens, goes to a file of root's", "file /var/lib/altcos-bootstrap/bootstrap.sh", "eval 'kubeadm init --config /run/kubeadm/kubeadm.yaml '"},
		{"the socket as a URL", "file /var/lib/altcos-bootstrap/stage/00-kubeadm.yaml", "  criSocket: unix:///var/run/crio/crio.sock"},
		{"the endpoint", "file /var/lib/altcos-bootstrap/stage/00-kubeadm.yaml", "controlPlaneEndpoint: 10.150.0.160:8443"},
		{"images in a unit of their own, on every node", "unit altcos-preload-images.service enabled", "ExecStart=/bin/loadDockerArchiveImages.sh"},
		{"flannel in a unit of its own, tried until the API server answers", "unit altcos-network-plugin.service enabled", "ExecStart=kubectl apply -f /usr/share/k8s/flannel/kube-flannel.yml"},
		{"kube-proxy is kubeadm's", "unit kube-proxy.service masked", ""},
	},
}

func manualNode(name, address string) *altcos.Node {
	n := node(name, address)
	for _, h := range []struct{ name, address string }{
		{"master01", "10.150.0.161"}, {"master02", "10.150.0.162"}, {"master03", "10.150.0.163"},
		{"worker01", "10.150.0.171"}, {"worker02", "10.150.0.172"}, {"worker03", "10.150.0.173"},
	} {
		if h.name != name {
			n.Hosts = append(n.Hosts, altcos.HostEntry{Address: netip.MustParseAddr(h.address), Names: []string{h.name}})
		}
	}
	return n
}

func TestRender_holdsEverythingOfTheManual(t *testing.T) {
	for _, m := range []struct {
		name, address string
		kind          cabpktest.Kind
	}{
		{"master01", "10.150.0.161", cabpktest.Init},
		{"master02", "10.150.0.162", cabpktest.JoinCP},
		{"worker01", "10.150.0.171", cabpktest.Worker},
	} {
		t.Run(m.name, func(t *testing.T) {
			manual := ignition.Merge(translate(t, "every-node"), translate(t, m.name))
			profile := altcos.Profile{
				AltcosUser:       altcos.AltcosUser{PasswordHash: "$y$j9T$manual", SSHAuthorizedKeys: []string{"ssh-rsa AAAA admin@one", "ssh-rsa BBBB admin@two"}},
				ContainerStorage: altcos.ContainerStorage{Device: altcos.DeviceBySerial("data")},
				ImagePreload:     altcos.PreloadArchives,
			}
			if m.kind == cabpktest.Worker {
				profile.ClusterSSH = &altcos.ClusterSSH{PublicKey: "ssh-rsa CCCC altcos@masters"}
			}
			got := ignitiontest.Parse(t, mustRender(t, render.Input{Profile: &profile, Bootstrap: cloudConfig(t, m.kind), Node: manualNode(m.name, m.address)}))
			checkManual(t, manual, got)
			if text := fileOf(t, got, "/etc/hostname"); text != m.name+"\n" {
				t.Errorf("host name %q", text)
			}
			if text := fileOf(t, got, "/etc/systemd/network/20-wired.network"); !strings.Contains(text, "\nAddress="+m.address+"/24\n") {
				t.Errorf("network\n%s", text)
			}
		})
	}
}

func translate(t *testing.T, name string) ignition.Layer {
	t.Helper()
	data, err := os.ReadFile("testdata/manual/" + name + ".bu")
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := butane.Translate(data)
	if err != nil {
		t.Fatal(err)
	}
	return ignition.Layer{Name: name, Config: cfg}
}

// checkManual compares every user, disk, file system, directory, file and unit of manual.
func checkManual(t *testing.T, manual, got types.Config) {
	t.Helper()
	blocks := textBlocks(t, got)
	same := func(what string, equal bool) {
		t.Helper()
		listed, differs := differences[what]
		if !differs && !equal {
			t.Errorf("%s is not the same, and no reason is given", what)
		}
		for _, d := range listed {
			if block, ok := find(blocks, d.path); !ok || d.line != "" && !slices.Contains(strings.Split(block, "\n"), d.line) {
				t.Errorf("%s (%s): %q has no line %q:\n%s", what, d.why, d.path, d.line, block)
			}
		}
	}
	for _, u := range manual.Passwd.Users {
		same("user "+u.Name, slices.ContainsFunc(got.Passwd.Users, func(o types.PasswdUser) bool { return cmp.Equal(u, o) }))
	}
	for _, d := range manual.Storage.Disks {
		same("disk "+d.Device, false)
	}
	for _, f := range manual.Storage.Filesystems {
		same("filesystem "+f.Device, false)
	}
	for _, d := range manual.Storage.Directories {
		same("directory "+d.Path, false)
	}
	for _, f := range manual.Storage.Files {
		same("file "+f.Path, equalText(ignitiontest.Contents(t, f.Contents), fileOf(t, got, f.Path)))
	}
	for _, u := range manual.Systemd.Units {
		same("unit "+u.Name, false)
	}
}

// equalText ignores how JSON is laid out.
func equalText(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil {
		return cmp.Equal(x, y)
	}
	return strings.TrimSpace(a) == strings.TrimSpace(b)
}

func fileOf(t *testing.T, c types.Config, path string) string {
	t.Helper()
	for _, f := range c.Storage.Files {
		if f.Path == path {
			return ignitiontest.Contents(t, f.Contents)
		}
	}
	return ""
}

func textBlocks(t *testing.T, c types.Config) []string {
	t.Helper()
	return strings.Split("\n"+string(ignitiontest.Text(t, c)), "\n== ")
}

func find(blocks []string, head string) (string, bool) {
	for _, b := range blocks {
		if first, _, _ := strings.Cut(b, "\n"); first == head || strings.HasPrefix(first, head+" ") {
			return b, true
		}
	}
	return "", false
}

func TestRender_acceptsABuiltInProfile(t *testing.T) {
	got := mustRender(t, render.Input{Bootstrap: bootstrapdata.Data{Format: bootstrapdata.FormatCloudConfig, Value: []byte("#cloud-config\n")}})
	if users := ignitiontest.Parse(t, got).Passwd.Users; len(users) != 1 || *users[0].PasswordHash != altcos.LockedPassword {
		t.Errorf("altcos is not locked: %+v", users)
	}
}
