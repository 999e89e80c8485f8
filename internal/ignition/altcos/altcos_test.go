// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos_test

import (
	"net/netip"
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/ignitiontest"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
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
	if err != nil {
		t.Fatal(err)
	}
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
			if err != nil {
				t.Fatal(err)
			}
			assertGolden(t, l, "profile-"+name)
		})
	}
}

func TestNode_matchesGolden(t *testing.T) {
	a, p := netip.MustParseAddr, netip.MustParsePrefix
	cases := map[string]altcos.Node{
		"static": {
			Hostname: "master01", ProviderID: "libvirt://6f1d3c3e-0000-4000-8000-000000000161", NodeIPs: []netip.Addr{a("10.150.0.161")},
			Interfaces: []altcos.Interface{{MAC: "52:54:00:AA:BB:CC", Link: altcos.Link{Addresses: []netip.Prefix{p("10.150.0.161/24")},
				Gateways: []netip.Addr{a("10.150.0.1")}, Nameservers: []netip.Addr{a("10.150.0.1")}}}},
			Hosts: []altcos.HostEntry{{Address: a("10.150.0.160"), Names: []string{"api.demo"}}},
		},
		"dhcp": {Hostname: "worker01", Interfaces: []altcos.Interface{{}}},
		"dual-stack-routes": {
			Hostname: "worker02", ProviderID: "libvirt://x", NodeIPs: []netip.Addr{a("10.150.0.171"), a("fd00::171")},
			Interfaces: []altcos.Interface{
				{MAC: "52:54:00:aa:bb:01", Link: altcos.Link{
					Addresses: []netip.Prefix{p("10.150.0.171/24"), p("fd00::171/64")}, Gateways: []netip.Addr{a("10.150.0.1"), a("fd00::1")},
					SearchDomains: []string{"example.org", "~lab"}, MTU: 9000,
					Routes: []altcos.Route{{Destination: p("10.9.0.0/16"), Via: a("10.150.0.2"), Metric: 50}, {Destination: p("10.8.0.0/16")}},
				}},
				{MAC: "52:54:00:aa:bb:02", Link: altcos.Link{Addresses: []netip.Prefix{p("10.7.0.2/24")}, DHCP: altcos.DHCPv6}},
			},
		},
		"vlan": {
			Hostname: "worker03", NodeIPs: []netip.Addr{a("10.160.0.171")},
			Interfaces: []altcos.Interface{
				{MAC: "52:54:00:aa:bb:03", VLAN: 160, Link: altcos.Link{
					Addresses: []netip.Prefix{p("10.160.0.171/24")}, Gateways: []netip.Addr{a("10.160.0.1")}, MTU: 1496,
				}},
				{VLAN: 160, Link: altcos.Link{DHCP: altcos.DHCPv4}},
			},
		},
		"nothing": {},
	}
	for name, n := range cases {
		t.Run(name, func(t *testing.T) {
			l, err := n.Layer()
			if err != nil {
				t.Fatal(err)
			}
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
		"a host name with a blank":     {altcos.Profile{Hosts: []altcos.HostEntry{{Address: netip.MustParseAddr("1.1.1.1"), Names: []string{"a b"}}}}, "hosts[0].names[0]: is no host name"},
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
	link := func(l altcos.Link) altcos.Node { return altcos.Node{Interfaces: []altcos.Interface{{Link: l}}} }
	cases := map[string]struct {
		in   altcos.Node
		want string
	}{
		"a host name with a line break":  {altcos.Node{Hostname: "a\nb"}, "hostname: must be a host name of at most 63 characters"},
		"a provider ID with a quote":     {altcos.Node{ProviderID: `libvirt://a" --x`}, "providerID: must be scheme://identifier"},
		"two addresses of one family":    {altcos.Node{NodeIPs: []netip.Addr{netip.MustParseAddr("1.1.1.1"), netip.MustParseAddr("1.1.1.2")}}, "nodeIPs: must be one address, or one of each family"},
		"a bad MAC":                      {altcos.Node{Interfaces: []altcos.Interface{{MAC: "xx"}}}, "interfaces[0].mac: is no MAC address"},
		"a bad interface name":           {altcos.Node{Interfaces: []altcos.Interface{{Name: "a b"}}}, "interfaces[0].name: is no interface name"},
		"an unknown DHCP mode":           {link(altcos.Link{DHCP: "yes"}), "interfaces[0].dhcp: must be None, IPv4, IPv6 or Both"},
		"an address that is no address":  {link(altcos.Link{Addresses: []netip.Prefix{{}}}), "interfaces[0].addresses[0]: must be an address with prefix length"},
		"a route via another family":     {link(altcos.Link{Routes: []altcos.Route{{Destination: netip.MustParsePrefix("10.0.0.0/8"), Via: netip.MustParseAddr("fd00::1")}}}), "interfaces[0].routes[0]: must have a destination prefix and a gateway of its family"},
		"a search domain with a newline": {link(altcos.Link{SearchDomains: []string{"a\nDNS=1.1.1.1"}}), "interfaces[0].searchDomains[0]: is no domain name"},
		"a VLAN that is none":            {altcos.Node{Interfaces: []altcos.Interface{{VLAN: 4095}}}, "interfaces[0].vlan: must be between 1 and 4094"},
		"a VLAN on a long name":          {altcos.Node{Interfaces: []altcos.Interface{{Name: "interface-name", VLAN: 7}}}, "interfaces[0].name: is too long for a VLAN device, which is called interface-name.7"},
		"a tiny MTU":                     {link(altcos.Link{MTU: 10}), "interfaces[0].mtu: must be between 68 and 65535"},
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
	found := problem.All(err)
	if len(found) == 0 {
		t.Fatalf("got %v, want a problem", err)
	}
	if got := found[0].Error(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}
