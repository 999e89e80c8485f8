// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/ignitiontest"
	"github.com/altcos/cluster-api-provider-altcos/internal/nodenetwork"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/golden"
)

// readable writes a layer as text that a person can review: contents unpacked, one block for each node.
func readable(t *testing.T, l ignition.Layer) []byte {
	t.Helper()
	ignitiontest.Check(t, l)
	return ignitiontest.Text(t, l.Config)
}

// assertGolden compares a layer with two golden files: text for people, and the config, which the real Ignition is
// tried on in test/firstboot.
func assertGolden(t *testing.T, l ignition.Layer, name string) {
	t.Helper()
	golden.Assert(t, readable(t, l), "testdata/"+name+".golden.txt")
	raw, err := ignition.Encode(ignition.Merge(l))
	assert.NoError(t, err)
	golden.Assert(t, raw, "testdata/"+name+".golden.ign")
}

func TestProfile_matchesGolden(t *testing.T) {
	cases := map[string]altcos.Profile{
		"default": {},
		"everything": {
			AltcosUser: altcos.AltcosUser{PasswordHash: "$y$hash", SSHAuthorizedKeys: []string{"ssh-rsa A", "ssh-rsa A", "ssh-rsa B"}},
			Users: []altcos.User{{Name: "ops", Gecos: "Operations", Groups: []string{"adm"}, Shell: "/bin/bash", UID: new(2000),
				SSHAuthorizedKeys: []string{"ssh-rsa C"}, Sudo: "ALL=(ALL) NOPASSWD: /usr/bin/journalctl"}},
			Hosts:            []altcos.HostEntry{{Address: netip.MustParseAddr("10.150.0.9"), Names: []string{"registry", "registry.example"}}},
			ContainerStorage: altcos.ContainerStorage{Device: altcos.DeviceBySerial("data")},
			ImagePreload:     altcos.PreloadArchives,
			OSUpdates: altcos.OSUpdates{Strategy: altcos.UpdatesPeriodic, TimeZone: "Europe/Moscow", Windows: []altcos.UpdateWindow{
				{Days: []string{"Sat", "Sun"}, Start: "23:30", Minutes: 60}}},
			ClusterSSH: &altcos.ClusterSSH{PublicKey: "ssh-ed25519 cluster", PrivateKey: []byte("not a key\n")},
		},
		"overlay": {
			CNIPluginDirs:    []string{"/usr/lib/cni"},
			ContainerStorage: altcos.ContainerStorage{Device: "/dev/sdb", Label: "images", Driver: altcos.DriverOverlay, AdditionalImageStores: []string{"/usr/share/containers/storage"}},
			ShellProfile:     altcos.ShellNone,
			OSUpdates:        altcos.OSUpdates{Strategy: altcos.UpdatesFleetLock, FleetLockURL: "http://10.0.0.1/"},
		},
	}
	for name, p := range cases {
		t.Run(name, func(t *testing.T) {
			l, err := p.Layer()
			assert.NoError(t, err)
			assertGolden(t, l, "profile-"+name)
		})
	}
}

func TestNode_matchesGolden(t *testing.T) {
	a, p := netip.MustParseAddr, netip.MustParsePrefix
	cases := map[string]altcos.Node{
		"static": {
			Hostname: "master01", ProviderID: "libvirt://6f1d3c3e-0000-4000-8000-000000000161",
			Interfaces: []nodenetwork.Interface{{MAC: "52:54:00:AA:BB:CC", Addresses: []netip.Prefix{p("10.150.0.161/24")},
				Gateways: []netip.Addr{a("10.150.0.1")}, Nameservers: []netip.Addr{a("10.150.0.1")}}},
			Hosts: []altcos.HostEntry{{Address: a("10.150.0.160"), Names: []string{"api.demo"}}},
		},
		"dhcp": {Hostname: "worker01", Interfaces: []nodenetwork.Interface{{}}},
		"dual-stack-routes": {
			Hostname: "worker02", ProviderID: "libvirt://x",
			Interfaces: []nodenetwork.Interface{
				{
					MAC: "52:54:00:aa:bb:01", Addresses: []netip.Prefix{p("10.150.0.171/24"), p("fd00::171/64")},
					Gateways: []netip.Addr{a("10.150.0.1"), a("fd00::1")}, SearchDomains: []string{"example.org", "~lab"}, MTU: 9000,
					Routes: []nodenetwork.Route{{Destination: p("10.9.0.0/16"), Via: a("10.150.0.2"), Metric: 50}, {Destination: p("10.8.0.0/16")}},
				},
				{MAC: "52:54:00:aa:bb:02", Addresses: []netip.Prefix{p("10.7.0.2/24")}, DHCP: infrav1.DHCPIPv6},
			},
		},
		"vlan": {
			Hostname: "worker03",
			Interfaces: []nodenetwork.Interface{
				{
					MAC: "52:54:00:aa:bb:03", GuestVLAN: 160, Addresses: []netip.Prefix{p("10.160.0.171/24")},
					Gateways: []netip.Addr{a("10.160.0.1")}, MTU: 1496,
				},
				{GuestVLAN: 160, DHCP: infrav1.DHCPIPv4},
			},
		},
		"nothing": {},
	}
	for name, n := range cases {
		t.Run(name, func(t *testing.T) {
			l, err := n.Layer()
			assert.NoError(t, err)
			assertGolden(t, l, "node-"+name)
			checkNodeFiles(t, l)
		})
	}
}

// checkNodeFiles: what the layer would replace silently is known by its path, and what it only adds to is not.
func checkNodeFiles(t *testing.T, l ignition.Layer) {
	t.Helper()
	for _, f := range l.Config.Storage.Files {
		if whole := f.Contents.Source != nil; altcos.IsNodeFile(f.Path) != whole {
			t.Errorf("%s is a file of the node: %t, want %t", f.Path, !whole, whole)
		}
	}
	for _, u := range l.Config.Systemd.Units {
		for _, d := range u.Dropins {
			if path := "/etc/systemd/system/" + u.Name + ".d/" + d.Name; !altcos.IsNodeFile(path) {
				t.Errorf("%s is no file of the node", path)
			}
		}
	}
}

func TestProfile_refusesWithPath(t *testing.T) {
	cases := map[string]struct {
		in   altcos.Profile
		want string
	}{
		"a user name with a dot":       {altcos.Profile{Users: []altcos.User{{Name: "a.b"}}}, "users[0].name: must begin with a lower-case letter and hold lower-case letters, digits, _ and - only"},
		"a system group":               {altcos.Profile{Users: []altcos.User{{Name: "a", Groups: []string{"wheel", "users"}}}}, "users[0].groups[1]: " + `"users" is a system group: images keep it where Ignition neither finds it nor can make it, and would not start; use wheel, docker or adm, or call usermod in preKubeadmCommands`},
		"altcos among the users":       {altcos.Profile{Users: []altcos.User{{Name: "altcos"}}}, "users[0].name: is duplicated, or is the image's own user altcos, which altcosUser configures"},
		"a key of two lines":           {altcos.Profile{AltcosUser: altcos.AltcosUser{SSHAuthorizedKeys: []string{"a\nb"}}}, "altcosUser.sshAuthorizedKeys[0]: must be one line of authorized_keys"},
		"a sudo rule of two lines":     {altcos.Profile{Users: []altcos.User{{Name: "a", Sudo: "ALL=x\nb ALL=y"}}}, "users[0].sudo: must be one line of sudoers without the user's name, such as ALL=(ALL) NOPASSWD: ALL"},
		"a sudo rule that is none":     {altcos.Profile{Users: []altcos.User{{Name: "a", Sudo: "yes please"}}}, "users[0].sudo: must be one line of sudoers without the user's name, such as ALL=(ALL) NOPASSWD: ALL"},
		"a sudo rule without commands": {altcos.Profile{Users: []altcos.User{{Name: "a", Sudo: "ALL=(ALL)"}}}, "users[0].sudo: must be one line of sudoers without the user's name, such as ALL=(ALL) NOPASSWD: ALL"},
		"a sudo rule with a tag only":  {altcos.Profile{Users: []altcos.User{{Name: "a", Sudo: "ALL=(ALL) NOPASSWD:"}}}, "users[0].sudo: must be one line of sudoers without the user's name, such as ALL=(ALL) NOPASSWD: ALL"},
		"a sudo rule that goes on":     {altcos.Profile{Users: []altcos.User{{Name: "a", Sudo: `ALL=(ALL) ALL \`}}}, "users[0].sudo: must be one line of sudoers without the user's name, such as ALL=(ALL) NOPASSWD: ALL"},
		"a sudo rule in a comment":     {altcos.Profile{Users: []altcos.User{{Name: "a", Sudo: "ALL # = ALL"}}}, "users[0].sudo: must be one line of sudoers without the user's name, such as ALL=(ALL) NOPASSWD: ALL"},
		"a hash with a colon":          {altcos.Profile{AltcosUser: altcos.AltcosUser{PasswordHash: "a:b"}}, "altcosUser.passwordHash: must not contain a colon or a line break"},
		"a hosts entry without names":  {altcos.Profile{Hosts: []altcos.HostEntry{{Address: netip.MustParseAddr("1.1.1.1")}}}, "hosts[0].names: must not be empty"},
		"a host name with a blank":     {altcos.Profile{Hosts: []altcos.HostEntry{{Address: netip.MustParseAddr("1.1.1.1"), Names: []string{"a b"}}}}, "hosts[0].names[0]: is not a host name"},
		"a hosts entry without IP":     {altcos.Profile{Hosts: []altcos.HostEntry{{Names: []string{"a"}}}}, "hosts[0].address: must be an IP address"},
		"a device that is no device":   {altcos.Profile{ContainerStorage: altcos.ContainerStorage{Device: "/etc/passwd"}}, "containerStorage.device: must be a path below /dev"},
		"btrfs on the root disk":       {altcos.Profile{ContainerStorage: altcos.ContainerStorage{Driver: altcos.DriverBtrfs}}, "containerStorage.driver: Btrfs needs a device, the root disk is ext4"},
		"an unknown driver":            {altcos.Profile{ContainerStorage: altcos.ContainerStorage{Device: "/dev/sdb", Driver: "Zfs"}}, "containerStorage.driver: must be Btrfs or Overlay"},
		"a plugin folder with a quote": {altcos.Profile{CNIPluginDirs: []string{"/opt/cni/bin", "/a\""}}, "cniPluginDirs[1]: must be an absolute path without quotes"},
		"a label without device":       {altcos.Profile{ContainerStorage: altcos.ContainerStorage{Label: "x"}}, "containerStorage.label: needs a device"},
		"an unknown preload":           {altcos.Profile{ImagePreload: "All"}, "imagePreload: must be Archives or None"},
		"an unknown shell profile":     {altcos.Profile{ShellProfile: "zsh"}, "shellProfile: must be Kubeconfig or None"},
		"an unknown update strategy":   {altcos.Profile{OSUpdates: altcos.OSUpdates{Strategy: "Often"}}, "osUpdates: must be Disabled, Immediate, Periodic or FleetLock"},
		"periodic updates at no time":  {altcos.Profile{OSUpdates: altcos.OSUpdates{Strategy: altcos.UpdatesPeriodic}}, "osUpdateWindows: must not be empty with osUpdates Periodic"},
		"windows that nobody looks at": {altcos.Profile{OSUpdates: altcos.OSUpdates{TimeZone: "UTC"}}, "osUpdateWindows: windows and a time zone need osUpdates Periodic"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := tc.in.Layer()
			wantProblem(t, err, "profile: "+tc.want)
		})
	}
}

func TestNode_refusesWithPath(t *testing.T) {
	nic := func(n nodenetwork.Interface) altcos.Node { return altcos.Node{Interfaces: []nodenetwork.Interface{n}} }
	cases := map[string]struct {
		in   altcos.Node
		want string
	}{
		"a host name with a line break":  {altcos.Node{Hostname: "a\nb"}, "hostname: must be a host name of at most 63 characters"},
		"a provider ID with a quote":     {altcos.Node{ProviderID: `libvirt://a" --x`}, "providerID: must be scheme://identifier"},
		"an unknown DHCP mode":           {nic(nodenetwork.Interface{DHCP: "yes"}), "networkInterfaces[0].dhcp: must be None, IPv4, IPv6 or Both"},
		"a search domain with a newline": {nic(nodenetwork.Interface{SearchDomains: []string{"a\nDNS=1.1.1.1"}}), "networkInterfaces[0].searchDomains[0]: is not a domain name"},
		"a VLAN that is none":            {nic(nodenetwork.Interface{GuestVLAN: 4095}), "networkInterfaces[0].guestVLAN: must be between 1 and 4094"},
		"a tiny MTU":                     {nic(nodenetwork.Interface{MTU: 10}), "networkInterfaces[0].mtu: must be between 68 and 65535"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := tc.in.Layer()
			wantProblem(t, err, "node: "+tc.want)
		})
	}
}

func wantProblem(t *testing.T, err error, want string) {
	t.Helper()
	assert.Problem(t, err, want)
}

// TestNode_winsOverKubeadmByItsProviderIDOnly: kubelet uses the last value of a repeated option.
func TestNode_winsOverKubeadmByItsProviderIDOnly(t *testing.T) {
	n := altcos.Node{Hostname: "a", ProviderID: "libvirt://x", Interfaces: []nodenetwork.Interface{{Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}}}}
	l, err := n.Layer()
	assert.NoError(t, err)
	environment := map[string]string{"$KUBELET_KUBEADM_ARGS": "--node-ip=10.0.0.2 --provider-id=other://y"}
	var command []string
	for _, line := range strings.Split(string(readable(t, l)), "\n") {
		if set, ok := strings.CutPrefix(line, "Environment="); ok {
			name, value, _ := strings.Cut(strings.Trim(set, `"`), "=")
			environment["$"+name] = value
		}
		if rest, ok := strings.CutPrefix(line, "ExecStart=/usr/bin/kubelet "); ok {
			command = strings.Fields(rest)
		}
	}
	var args []string
	for _, word := range command {
		args = append(args, strings.Fields(environment[word])...)
	}
	slices.Reverse(args)
	for option, want := range map[string]string{"--node-ip=": "10.0.0.2", "--provider-id=": "libvirt://x"} {
		i := slices.IndexFunc(args, func(a string) bool { return strings.HasPrefix(a, option) })
		if i < 0 || args[i] != option+want {
			t.Errorf("kubelet does not get %s%s: %q", option, want, args)
		}
	}
}
