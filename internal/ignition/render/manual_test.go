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
	"k8s.io/utils/ptr"

	"github.com/altcos/cluster-api-provider-altcos/internal/bootstrapdata"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/butane"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/ignitiontest"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/render"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
	"github.com/altcos/cluster-api-provider-altcos/test/golden"
)

// counterpart is where a rendered config has something of the manual: why there, and a line of it.
type counterpart struct{ why, path, line string }

// same requires that a rendered config has exactly the thing.
var same []counterpart

const dataDisk = "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_data"

// manual has a row for everything that the manual's nine Butane files configure: "same", or what differs and why. The
// files below testdata/manual are equal in meaning to the manual's.
var manual = map[string]map[string][]counterpart{
	"users": {
		"user altcos":                same,
		"file /etc/sudoers.d/altcos": {{"any target user and group, and 0440 as sudo wants it", "file /etc/sudoers.d/altcos 0440", "altcos ALL=(ALL:ALL) NOPASSWD: ALL"}},
	},
	"hosts": {
		"file /etc/hosts": {{"begins a new line, as the image's file may not end with one; the node's own line comes from the node layer", "file /etc/hosts", "10.150.0.163 master03"}},
	},
	"btrfs": {
		"disk /dev/sdb":             {{"a stable device", "disk " + dataDisk + " wipe=true", "partition 1 label=docker"}},
		"filesystem /dev/sdb1":      {{"a stable device", "filesystem " + dataDisk + "-part1 btrfs label=docker wipe=true", ""}},
		"directory /var/mnt/docker": {{"not overwritten: nothing that is there is deleted", "directory /var/mnt/docker 0755", ""}},
		"file /etc/fstab": {
			{"a mount unit: no pass 2 for btrfs, no emergency shell when it fails, a stable device", "unit var-mnt-docker.mount", "What=" + dataDisk + "-part1"},
			{"a mount unit that docker needs", "unit var-lib-docker.mount", "What=/var/mnt/docker/docker"},
			{"a mount unit that CRI-O needs", "unit var-lib-containers.mount", "What=/var/mnt/docker/containers"},
		},
		"file /etc/docker/daemon.json": same,
		"file /etc/crio/crio.conf.d/00-btrfs.conf": {
			{"read after the image's own files; CRI-O finds conmon in its PATH", "file /etc/crio/crio.conf.d/90-altcos.conf", `storage_driver = "btrfs"`},
			{"the same directories", "file /etc/crio/crio.conf.d/90-altcos.conf", `plugin_dirs = ["/usr/libexec/cni", "/opt/cni/bin"]`},
		},
		"file /etc/containers/storage.conf":        {{"no overlay options with the btrfs driver", "file /etc/containers/storage.conf", `driver = "btrfs"`}},
		"file /etc/cni/net.d/100-crio-bridge.conf": {{"a type alone is a network to CRI-O, and the node would be ready before flannel", "file /etc/cni/net.d/100-crio-bridge.conf", "{}"}},
	},
	"k8senv": {
		"file /etc/profile.d/kube.sh": {{"asks nothing, and serves root and altcos only", "file /etc/profile.d/kube.sh 0755", "    export KUBECONFIG=/etc/kubernetes/admin.conf"}},
	},
	"initk8s": {
		"unit initk8s.service": {
			{"runs by itself, once; kubeadm's options stand in its configuration", "unit altcos-kubeadm.service enabled", "ExecStart=/bin/sh /var/lib/altcos-bootstrap/bootstrap.sh"},
			{"output, with its tokens, goes to a file of root's", "file /var/lib/altcos-bootstrap/bootstrap.sh", "eval 'kubeadm init --config /run/kubeadm/kubeadm.yaml '"},
			{"the socket as a URL", "file /var/lib/altcos-bootstrap/stage/00-kubeadm.yaml", "  criSocket: unix:///var/run/crio/crio.sock"},
			{"the endpoint", "file /var/lib/altcos-bootstrap/stage/00-kubeadm.yaml", "controlPlaneEndpoint: 10.150.0.160:8443"},
			{"the pod network", "file /var/lib/altcos-bootstrap/stage/00-kubeadm.yaml", "  podSubnet: 10.244.0.0/16"},
			{"no upload of certificates: they are there before kubeadm runs", "file /etc/kubernetes/pki/ca.key 0600", "not a key"},
			{"images in a unit of their own, on every node", "unit altcos-preload-images.service enabled", "ExecStart=/bin/loadDockerArchiveImages.sh"},
			{"flannel as soon as kubeadm is done", "unit altcos-network-plugin.path enabled", "PathExists=/var/lib/altcos-bootstrap/kubeadm.done"},
			{"in a unit of its own, tried until the API server answers", "unit altcos-network-plugin.service", "ExecStart=kubectl apply -f /usr/share/k8s/flannel/kube-flannel.yml"},
			{"kube-proxy is kubeadm's", "unit kube-proxy.service masked", ""},
		},
	},
	"masters-users": {
		"user altcos": {{"one key pair of the cluster in place of one a master, without copying", "user altcos hash=$y$j9T$manual groups=[wheel docker] keys=[ssh-rsa AAAA admin@one ssh-rsa BBBB admin@two ssh-ed25519 CCCC demo]", ""}},
	},
	"master01": machineRows("10.150.0.161"),
	"master02": machineRows("10.150.0.162"),
	"worker01": machineRows("10.150.0.171"),
}

func machineRows(address string) map[string][]counterpart {
	return map[string][]counterpart{
		"file /etc/hostname": same,
		"file /etc/systemd/network/20-wired.network": {
			{"the NIC is found by its hardware address", "file /etc/systemd/network/20-wired.network", "MACAddress=52:54:00:00:00:61"},
			{"the same", "file /etc/systemd/network/20-wired.network", "DHCP=no"},
			{"the same", "file /etc/systemd/network/20-wired.network", "Address=" + address + "/24"},
			{"the same", "file /etc/systemd/network/20-wired.network", "Gateway=10.150.0.1"},
			{"the same", "file /etc/systemd/network/20-wired.network", "DNS=10.150.0.1"},
		},
	}
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

func manualProfile(kind cabpk.Kind) *altcos.Profile {
	p := &altcos.Profile{
		AltcosUser:       altcos.AltcosUser{PasswordHash: "$y$j9T$manual", SSHAuthorizedKeys: []string{"ssh-rsa AAAA admin@one", "ssh-rsa BBBB admin@two"}},
		ContainerStorage: altcos.ContainerStorage{Device: altcos.DeviceBySerial("data")},
		ImagePreload:     altcos.PreloadArchives,
		ClusterSSH:       &altcos.ClusterSSH{PublicKey: "ssh-ed25519 CCCC demo"},
	}
	if kind != cabpk.Worker {
		p.ClusterSSH.PrivateKey = []byte("not a key\n")
	}
	return p
}

func TestRender_holdsEverythingOfTheManual(t *testing.T) {
	for _, m := range []struct {
		name, address string
		kind          cabpk.Kind
		merges        []string
	}{
		{"master01", "10.150.0.161", cabpk.Init, []string{"users", "hosts", "btrfs", "k8senv", "initk8s", "master01"}},
		{"master02", "10.150.0.162", cabpk.JoinCP, []string{"users", "hosts", "btrfs", "k8senv", "master02"}},
		{"worker01", "10.150.0.171", cabpk.Worker, []string{"users", "btrfs", "hosts", "masters-users", "worker01"}},
	} {
		t.Run(m.name, func(t *testing.T) {
			raw := mustRender(t, render.Input{Profile: manualProfile(m.kind), Bootstrap: cloudConfig(t, m.kind), Node: manualNode(m.name, m.address)})
			golden.Assert(t, raw, "testdata/manual-"+m.name+".golden.ign")
			got := ignitiontest.Parse(t, raw)
			golden.Assert(t, ignitiontest.Text(t, got), "testdata/manual-"+m.name+".golden.txt")
			if got.Ignition.Version != "3.2.0" {
				t.Errorf("version %s", got.Ignition.Version)
			}
			for _, name := range m.merges {
				compareManual(t, name, got)
			}
		})
	}
}

// compareManual looks up everything of one Butane file in the table and in a rendered config.
func compareManual(t *testing.T, name string, got types.Config) {
	t.Helper()
	data, err := os.ReadFile("testdata/manual/" + name + ".bu")
	assert.NoError(t, err)
	theirs, err := butane.Translate(data)
	assert.NoError(t, err)
	blocks := strings.Split("\n"+string(ignitiontest.Text(t, got)), "\n== ")
	things := thingsOf(t, theirs, got)
	for what, equal := range things {
		counterparts, listed := manual[name][what]
		if !listed {
			t.Errorf("%s: %s has no row", name, what)
		}
		if len(counterparts) == 0 && !equal {
			t.Errorf("%s: %s is not the same", name, what)
		}
		for _, c := range counterparts {
			if block, ok := find(blocks, c.path); !ok || c.line != "" && !slices.Contains(strings.Split(block, "\n"), c.line) {
				t.Errorf("%s: %s (%s): %q has no line %q:\n%s", name, what, c.why, c.path, c.line, block)
			}
		}
	}
	for what := range manual[name] {
		if _, ok := things[what]; !ok {
			t.Errorf("%s: the row %s is about nothing", name, what)
		}
	}
}

// thingsOf lists what their config has, and whether ours has the same.
func thingsOf(t *testing.T, theirs, ours types.Config) map[string]bool {
	t.Helper()
	things := map[string]bool{}
	for _, u := range theirs.Passwd.Users {
		things["user "+u.Name] = slices.ContainsFunc(ours.Passwd.Users, func(o types.PasswdUser) bool { return holds(o, u) })
	}
	for _, d := range theirs.Storage.Disks {
		things["disk "+d.Device] = false
	}
	for _, f := range theirs.Storage.Filesystems {
		things["filesystem "+f.Device] = false
	}
	for _, d := range theirs.Storage.Directories {
		things["directory "+d.Path] = false
	}
	for _, f := range theirs.Storage.Files {
		i := slices.IndexFunc(ours.Storage.Files, func(o types.File) bool { return o.Path == f.Path })
		things["file "+f.Path] = i >= 0 && equalText(ignitiontest.Contents(t, f.Contents), ignitiontest.Contents(t, ours.Storage.Files[i].Contents)) &&
			len(f.Append) == 0 && ptr.Deref(f.Mode, 0o644) == ptr.Deref(ours.Storage.Files[i].Mode, 0o644)
	}
	for _, u := range theirs.Systemd.Units {
		things["unit "+u.Name] = false
	}
	return things
}

// holds reports whether ours has everything of theirs; more keys are what other files of the manual add.
func holds(ours, theirs types.PasswdUser) bool {
	keys := func(k types.SSHAuthorizedKey) bool { return !slices.Contains(ours.SSHAuthorizedKeys, k) }
	return ours.Name == theirs.Name && cmp.Equal(ours.PasswordHash, theirs.PasswordHash) && cmp.Equal(ours.Groups, theirs.Groups) &&
		!slices.ContainsFunc(theirs.SSHAuthorizedKeys, keys)
}

// equalText ignores how JSON is laid out, and line breaks at the end.
func equalText(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil {
		return cmp.Equal(x, y)
	}
	return strings.TrimSpace(a) == strings.TrimSpace(b)
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
