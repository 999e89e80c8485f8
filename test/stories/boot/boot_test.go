// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package boot_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	v3 "github.com/coreos/ignition/v2/config/v3_2"
	"github.com/coreos/ignition/v2/config/v3_2/types"
	kubeadmv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	"sigs.k8s.io/cluster-api/bootstrap/kubeadm/pkg/cloudinit"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/bootstrapdata"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/render"
	"github.com/altcos/cluster-api-provider-altcos/internal/nodenetwork"
	"github.com/altcos/cluster-api-provider-altcos/internal/profile"
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
)

const (
	adminKey  = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAdministratorsKeyOfNobodyAtAllxxxxxxxxxxx admin"
	adminHash = "$6$altcos$nobodyknowsthepasswordofthis"
)

// node is a machine of the story.
type node struct {
	name, uuid, mac, address string
	kind                     cabpk.Kind
}

const masterAddress, workerAddress = "10.150.0.161", "10.150.0.171"

// The second interface carries a VLAN that the guest itself tags.
const (
	vlan    = 160
	vlanMTU = 1400
)

func (n node) secondMAC() string { return strings.Replace(n.mac, "52:54:00", "52:54:01", 1) }

func (n node) taggedAddress() string { return strings.Replace(n.address, "10.150.", "10.160.", 1) }

// TestMachines_areWhatWasRendered boots a control plane and a worker side by side.
func TestMachines_areWhatWasRendered(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), bootLimit)
	defer cancel()
	h := newHypervisor(ctx, t)
	type started struct {
		node
		machine *machine
		config  types.Config
	}
	var all []started
	keys := newClusterSSH(t)
	for _, n := range []node{
		{"master01", newUUID(), "52:54:00:00:01:61", masterAddress, cabpk.Init},
		{"worker01", newUUID(), "52:54:00:00:01:71", workerAddress, cabpk.Worker},
	} {
		raw := rendered(t, n, keys)
		config, messages, err := v3.Parse(raw)
		if err != nil || len(messages.Entries) > 0 {
			t.Fatalf("Ignition refuses the config: %v %s", err, messages)
		}
		all = append(all, started{n, h.start(ctx, t, n, raw), config})
	}
	begin := time.Now()
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			got := s.machine.await(ctx, t)
			t.Logf("reported after %s", time.Since(begin).Round(time.Second))
			comparePaths(t, inTheEnd(paths(t, s.config)), got)
			checkUnits(t, s.config, got)
			checkUsers(t, got)
			checkStorage(t, got)
			checkCloudConfig(t, got)
			checkNetwork(t, s.node, got)
			checkKubelet(t, s.node, got)
			checkClusterSSH(t, s.node, got)
		})
		s.machine.remove(ctx, t)
	}
	h.expectNothingLeft(ctx, t)
}

// rendered is the config of a machine. The layer that reads back asks for every path, so it is made from a first rendering.
func rendered(t *testing.T, n node, keys altcos.ClusterSSH) []byte {
	t.Helper()
	p, layers, err := profile.FromAPI(&bootstrapv1.AltcosProfile{
		AltcosUser:       bootstrapv1.AltcosUser{PasswordHash: adminHash, SSHAuthorizedKeys: []string{adminKey}},
		Users:            []bootstrapv1.User{{Name: "ops", Groups: []string{"wheel"}, Shell: "/bin/bash", Sudo: "ALL=(ALL) NOPASSWD: ALL", SSHAuthorizedKeys: []string{adminKey}}},
		Hosts:            []bootstrapv1.HostsEntry{{Address: "10.150.0.9", Names: []string{"registry"}}},
		ContainerStorage: bootstrapv1.ContainerStorage{DataDisk: dataDisk},
	})
	must(t, err)
	if n.kind != cabpk.Init {
		keys.PrivateKey = nil
	}
	p.ClusterSSH = &keys
	interfaces, err := nodenetwork.FromAPI([]infrav1.NetworkInterface{{
		MACAddress: n.mac, Addresses: []string{n.address + "/24"},
		IPSettings: infrav1.IPSettings{Gateways: []string{"10.150.0.1"}, Nameservers: []string{"10.150.0.53"}, SearchDomains: []string{"lab.example"}},
	}, {
		MACAddress: n.secondMAC(), GuestVLAN: vlan, MTU: vlanMTU, Addresses: []string{n.taggedAddress() + "/24"},
		Routes: []infrav1.Route{{To: "10.170.0.0/16", Via: "10.160.0.1"}},
	}}, infrav1.NodeNetwork{}, n.uuid)
	infrastructure := &altcos.Node{
		Hostname: n.name, ProviderID: "libvirt://" + n.uuid, Interfaces: interfaces,
		Hosts: []altcos.HostEntry{{Address: netip.MustParseAddr("10.150.0.160"), Names: []string{"demo-endpoint"}}},
	}
	must(t, err)
	scratch := altcos.DeviceBySerial(scratchDisk)
	cloudConfig := cabpk.Render(t, n.kind, cloudinit.BaseUserData{
		Users: []kubeadmv1.User{{
			Name: "deploy", Gecos: "Deployment robot", PrimaryGroup: "wheel", Groups: "adm, docker", HomeDir: "/var/home/robot", Shell: "/bin/sh",
			Passwd: adminHash, LockPassword: new(false), Sudo: "ALL=(ALL) NOPASSWD:ALL", SSHAuthorizedKeys: []string{adminKey},
		}},
		DiskSetup: &kubeadmv1.DiskSetup{
			Partitions:  []kubeadmv1.Partition{{Device: scratch, Layout: new(true), TableType: "gpt"}},
			Filesystems: []kubeadmv1.Filesystem{{Device: scratch, Partition: "auto", Filesystem: "ext4", Label: "scratch"}},
		},
		Mounts:             []kubeadmv1.MountPoints{{"LABEL=scratch", "/mnt/scratch", "ext4", "noatime"}},
		PreKubeadmCommands: []string{"echo pre > /run/pre", "systemctl start " + reportUnit}, PostKubeadmCommands: []string{"echo post"},
		AdditionalFiles: []kubeadmv1.File{
			{Path: "/etc/altcos-story/plain", Owner: "altcos:wheel", Permissions: "0600", Content: "a 'quoted' $text\n"},
			{Path: lateOwned, Owner: lateUser + ":" + lateGroup, Permissions: "0640", Content: "of a package's user\n"},
			{Path: "/run/altcos-story/staged", Owner: lateUser, Permissions: "0604", Content: "on a tmpfs\n"},
			{Path: "/etc/altcos-story/encoded", Owner: "root:root", Permissions: "0751", Encoding: kubeadmv1.Base64, Content: "AAECAwQ="},
		},
	}, kubeadmv1.NodeRegistrationOptions{Name: "{{ ds.meta_data.local_hostname }}"})
	input := render.Input{
		Profile: p, UserLayers: layers, Node: infrastructure,
		Bootstrap: bootstrapdata.Data{Format: bootstrapdata.FormatCloudConfig, Value: cloudConfig},
	}
	input.UserLayers = append(slices.Clone(layers), readback(t, nil))
	first, err := render.Render(input)
	must(t, err)
	config, _, err := v3.Parse(first)
	must(t, err)
	input.UserLayers = append(slices.Clone(layers), readback(t, append(pathQuestions(paths(t, config)), questions(config)...)))
	raw, err := render.Render(input)
	must(t, err)
	return raw
}

// questions asks about all that is not a path.
func questions(config types.Config) []question {
	list := []question{
		{"passwd", "getent passwd altcos"}, {"groups", "id -nG altcos"}, {"shadow", "getent shadow altcos"}, {"opsgroups", "id -nG ops"},
		{"keys", "cat /var/home/altcos/.ssh/authorized_keys.d/ignition; stat -c '%U %a' /var/home/altcos/.ssh/authorized_keys.d/ignition"},
		{"sudo", "sudo -n -l -U altcos"},
		{"disk", "blkid -p -o value -s UUID " + altcos.DeviceBySerial(dataDisk) + "-part1; btrfs filesystem show /var/mnt/docker"},
		// docker.service pulls this one in; the lab's image has no docker
		{"docker", "systemctl start var-lib-docker.mount; findmnt -no FSTYPE,FSROOT /var/lib/docker"},
		{"containers", "findmnt -no FSTYPE,FSROOT /var/lib/containers"},
		{"devices", "stat -c %d /var/mnt/docker /var/lib/containers /var/lib/docker | uniq"},
		{"crio", "systemctl is-active crio.service; crio status info"},
		{"podman", "podman info --format '{{.Store.GraphDriverName}} {{.Store.GraphRoot}}'"},
		{"address", "ip -j -4 address show dev eth0"}, {"route", "ip -j -4 route show default"},
		{"vlan", "ip -d -j address show dev eth1.160; ip -j -4 route show dev eth1.160"}, {"carrier", "ip -j address show dev eth1"},
		{"deploy", "getent passwd deploy; getent shadow deploy; id -nG deploy; sudo -n -l -U deploy"},
		{"deploykeys", "cat /var/home/robot/.ssh/authorized_keys.d/ignition; stat -c '%U %a' /var/home/robot/.ssh/authorized_keys.d/ignition"},
		{"scratch", "findmnt -no FSTYPE,SOURCE,OPTIONS /var/mnt/scratch; blkid -o export $(findmnt -no SOURCE /var/mnt/scratch); lsblk -no SERIAL " + altcos.DeviceBySerial(scratchDisk)},
		{"dns", "resolvectl dns eth0; resolvectl domain eth0"}, {"hostname", "cat /proc/sys/kernel/hostname"},
		{"resolves", "getent ahostsv4 demo-endpoint; getent ahostsv4 registry; getent ahostsv4 $(cat /etc/hostname)"},
		{"late", "cat /run/pre; stat -c '%U %G %a' " + lateOwned + " /run/altcos-story/staged; cat /run/altcos-story/staged"},
		{"login", login(workerAddress)}, {"kubelet", "systemctl show kubelet.service -p Environment -p ExecStart"}, {"failed", "systemctl --failed --no-legend --plain"},
	}
	for _, u := range config.Systemd.Units {
		list = append(list, question{"unit:" + u.Name, "systemctl is-enabled " + u.Name + "; systemctl is-active " + u.Name})
	}
	return list
}

func checkUnits(t *testing.T, config types.Config, got report) {
	t.Helper()
	masked := []string{}
	for _, u := range config.Systemd.Units {
		state := strings.Fields(got["unit:"+u.Name])
		switch {
		case u.Mask != nil && *u.Mask:
			masked = append(masked, u.Name)
			if !slices.Equal(state, []string{"masked", "inactive"}) {
				t.Errorf("unit %s is %q, want it masked", u.Name, state)
			}
		case u.Enabled != nil && *u.Enabled:
			if len(state) == 0 || state[0] != "enabled" {
				t.Errorf("unit %s is %q, want it enabled", u.Name, state)
			}
		}
		if strings.HasSuffix(u.Name, ".mount") && !slices.Contains(state, "active") {
			t.Errorf("unit %s is %q, want it active", u.Name, state)
		}
	}
	if !slices.Contains(masked, "kube-proxy.service") {
		t.Errorf("masked are %q, kube-proxy.service is not", masked)
	}
}

// expect says which of the texts an answer lacks.
func expect(t *testing.T, got report, name string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(got[name], text) {
			t.Errorf("%s lacks %q: %s", name, text, got[name])
		}
	}
}

func checkUsers(t *testing.T, got report) {
	t.Helper()
	expect(t, got, "passwd", ":/var/home/altcos:/bin/bash")
	expect(t, got, "shadow", "altcos:"+adminHash+":")
	expect(t, got, "keys", adminKey, "altcos 600")
	expect(t, got, "sudo", "(ALL : ALL) NOPASSWD: ALL")
	expect(t, got, "groups", "wheel", "docker")
	expect(t, got, "opsgroups", "wheel")
}

func checkStorage(t *testing.T, got report) {
	t.Helper()
	uuid, mounted, _ := strings.Cut(got["disk"], "\n")
	if uuid == "" || !strings.Contains(mounted, "uuid: "+uuid) {
		t.Errorf("what is mounted is not the file system of the data disk: %s", got["disk"])
	}
	if strings.ContainsAny(got["devices"], " \n") {
		t.Errorf("container storage is on several file systems: %s", got["devices"])
	}
	expect(t, got, "containers", "btrfs", "/containers")
	expect(t, got, "docker", "btrfs", "/docker")
	expect(t, got, "crio", "active", "storage driver: btrfs", "storage graph root: /var/lib/containers/storage")
	expect(t, got, "podman", "btrfs /var/lib/containers/storage")
}

// checkCloudConfig looks at the user, the disk and the mount of the bootstrap provider's cloud-config.
func checkCloudConfig(t *testing.T, got report) {
	t.Helper()
	expect(t, got, "deploy", ":Deployment robot:/var/home/robot:/bin/sh", "deploy:"+adminHash+":", "wheel adm", "docker", "NOPASSWD: ALL")
	expect(t, got, "deploykeys", adminKey, "deploy 600")
	expect(t, got, "late", "pre\n"+lateUser+" "+lateGroup+" 640\n"+lateUser+" root 604\non a tmpfs")
	expect(t, got, "scratch", "ext4", "noatime", "LABEL=scratch", "PARTUUID=", "scratch")
}

func checkNetwork(t *testing.T, n node, got report) {
	t.Helper()
	expect(t, got, "address", `"local":"`+n.address+`"`, `"prefixlen":24`)
	expect(t, got, "route", `"gateway":"10.150.0.1"`, `"dev":"eth0"`)
	expect(t, got, "dns", "10.150.0.53", "lab.example")
	expect(t, got, "vlan", `"local":"`+n.taggedAddress()+`"`, fmt.Sprintf(`"id":%d`, vlan), fmt.Sprintf(`"mtu":%d`, vlanMTU), `"dst":"10.170.0.0/16"`)
	if strings.Contains(got["carrier"], `"local"`) {
		t.Errorf("the interface that carries the VLAN has an address of its own: %s", got["carrier"])
	}
	expect(t, got, "hostname", n.name)
	expect(t, got, "resolves", "10.150.0.160", "10.150.0.9", n.address)
}

func checkKubelet(t *testing.T, n node, got report) {
	t.Helper()
	expect(t, got, "kubelet", "--provider-id=libvirt://"+n.uuid, "--node-ip="+n.address, "--config=/var/lib/kubelet/config.yaml")
	if strings.Contains(got["kubelet"], "--network-plugin") {
		t.Errorf("kubelet runs with the image's options: %s", got["kubelet"])
	}
}
