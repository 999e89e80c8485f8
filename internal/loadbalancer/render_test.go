// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/golden"
)

func renderCases(t *testing.T) map[string]func(*Cluster, *Member) {
	ca := sampleCA(t)
	return map[string]func(*Cluster, *Member){
		"plain":       func(*Cluster, *Member) {},
		"empty":       func(c *Cluster, _ *Member) { c.Backends = nil },
		"verified":    func(c *Cluster, _ *Member) { c.CA = ca },
		"single-host": func(_ *Cluster, m *Member) { m.Peers = nil },
		"ipv6": func(c *Cluster, m *Member) {
			c.VIP = netip.MustParsePrefix("fd00:150::160/128")
			c.Backends = []Backend{{Name: "master01", Address: netip.MustParseAddrPort("[fd00:150::161]:6443")}}
			m.Address = netip.MustParseAddr("fd00:150::11")
			m.Peers = []netip.Addr{netip.MustParseAddr("fd00:150::12")}
		},
		"extra-ports": func(c *Cluster, _ *Member) {
			c.CA = ca
			c.ExtraPorts = []ExtraPort{
				{Name: "join", Port: 9345, TargetPort: 9345},
				{Name: "https", Port: 443, Backends: []Backend{{Name: "worker01", Address: netip.MustParseAddrPort("10.150.0.171:30443")}}},
			}
		},
	}
}

func TestRender_matchesReviewedFilesThatTheDaemonsAccept(t *testing.T) {
	for name, change := range renderCases(t) {
		t.Run(name, func(t *testing.T) {
			cluster, member := sampleCluster(), sampleMember()
			change(&cluster, &member)
			tree, err := Render(cluster, member, DefaultLayout())
			assert.NoError(t, err)
			directory := t.TempDir()
			for _, file := range tree.Files {
				golden.Assert(t, file.Content, filepath.Join("testdata", name, file.Name+".golden"))
				assert.NoError(t, os.WriteFile(filepath.Join(directory, file.Name), file.Content, 0o644))
			}
			run(t, "haproxy", "-c", "-C", directory, "-f", filepath.Join(directory, haproxyFile))
			validateKeepalived(t, directory)
		})
	}
}

// validateKeepalived runs keepalived's own check in a network namespace that has the bridge of the samples.
func validateKeepalived(t *testing.T, directory string) {
	t.Helper()
	layout := DefaultLayout()
	layout.Config = filepath.Join(directory, "config")
	shared, err := RenderShared(layout)
	assert.NoError(t, err)
	for _, file := range shared {
		if strings.HasPrefix(file.Path, layout.Config) {
			mustWrite(t, file.Path, file.Content, os.FileMode(file.Mode))
		}
	}
	fragment, err := os.ReadFile(filepath.Join(directory, fragmentFile))
	assert.NoError(t, err)
	moved := strings.ReplaceAll(string(fragment), DefaultLayout().Config, layout.Config)
	mustWrite(t, filepath.Join(layout.Current(sampleID), fragmentFile), []byte(moved), 0o644)
	run(t, "unshare", "--net", "sh", "-c",
		"ip link add br0 type bridge && ip link set br0 up && exec keepalived -t -f \"$0\"", layout.KeepalivedConfig())
}

func mustWrite(t *testing.T, path string, content []byte, mode os.FileMode) {
	t.Helper()
	assert.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	assert.NoError(t, os.WriteFile(path, content, mode))
}

func run(t *testing.T, name string, arguments ...string) {
	t.Helper()
	if out, err := exec.Command(name, arguments...).CombinedOutput(); err != nil {
		t.Errorf("%s %v: %v\n%s", name, arguments, err, out)
	}
}

func TestRenderShared_matchesReviewedFiles(t *testing.T) {
	files, err := RenderShared(DefaultLayout())
	assert.NoError(t, err)
	for _, file := range files {
		golden.Assert(t, file.Content, filepath.Join("testdata", "shared", file.Name+".golden"))
	}
}

func TestRender_hashNamesTheContentOnly(t *testing.T) {
	render := func(change func(*Cluster, *Member)) Tree {
		cluster, member := sampleCluster(), sampleMember()
		change(&cluster, &member)
		tree, err := Render(cluster, member, DefaultLayout())
		assert.NoError(t, err)
		return tree
	}
	base := render(func(*Cluster, *Member) {})
	same := render(func(c *Cluster, m *Member) {
		c.Generation = 9
		slices.Reverse(c.Backends)
		slices.Reverse(m.Peers)
	})
	if base.Hash != same.Hash || base.Description != same.Description {
		t.Error("generation or order changed the hash")
	}
	peer := render(func(_ *Cluster, m *Member) { m.Priority = 252 })
	if peer.Hash == base.Hash || peer.Description != base.Description {
		t.Error("a priority must change the tree and leave haproxy alone")
	}
	ca := sampleCA(t)
	trusted := render(func(c *Cluster, _ *Member) { c.CA = ca })
	commented := render(func(c *Cluster, _ *Member) { c.CA = append([]byte("  \n"), ca...) })
	if trusted.Description == base.Description || trusted.Hash != commented.Hash {
		t.Error("the CA's certificates, and nothing else of the bundle, must change haproxy")
	}
}

func TestRender_refusesWhatCouldInjectOrCollide(t *testing.T) {
	cases := map[string]func(*Cluster, *Member){
		"an ID with a slash":                 func(c *Cluster, _ *Member) { c.ID = "../x" },
		"an ID that is too long":             func(c *Cluster, _ *Member) { c.ID = strings.Repeat("a", 41) },
		"a name with a line break":           func(c *Cluster, _ *Member) { c.Name = "a\n}" },
		"an owner with a space":              func(c *Cluster, _ *Member) { c.Owner = "a b" },
		"a VIP that is not an address":       func(c *Cluster, _ *Member) { c.VIP = netip.Prefix{} },
		"a VIP on the loopback":              func(c *Cluster, _ *Member) { c.VIP = netip.MustParsePrefix("127.0.0.1/8") },
		"no port":                            func(c *Cluster, _ *Member) { c.Port = 0 },
		"VRID 0":                             func(c *Cluster, _ *Member) { c.VRID = 0 },
		"a CA that is not a certificate":     func(c *Cluster, _ *Member) { c.CA = []byte("x") },
		"a backend name with a space":        func(c *Cluster, _ *Member) { c.Backends[0].Name = "a check" },
		"two backends of one name":           func(c *Cluster, _ *Member) { c.Backends[0].Name = c.Backends[1].Name },
		"two backends of one address":        func(c *Cluster, _ *Member) { c.Backends[0].Address = c.Backends[1].Address },
		"a backend address with a zone":      func(c *Cluster, _ *Member) { c.Backends[0].Address = netip.MustParseAddrPort("[fe80::1%x y]:1") },
		"an extra port on the API's":         func(c *Cluster, _ *Member) { c.ExtraPorts = []ExtraPort{{Name: "x", Port: 8443, TargetPort: 1}} },
		"an extra port named api":            func(c *Cluster, _ *Member) { c.ExtraPorts = []ExtraPort{{Name: "api", Port: 1, TargetPort: 1}} },
		"an extra port that leads nowhere":   func(c *Cluster, _ *Member) { c.ExtraPorts = []ExtraPort{{Name: "x", Port: 1}} },
		"a bridge with a brace":              func(_ *Cluster, m *Member) { m.Bridge = "br0 }" },
		"priority 255, which VRRP reserves":  func(_ *Cluster, m *Member) { m.Priority = 255 },
		"a host that is its own peer":        func(_ *Cluster, m *Member) { m.Peers = []netip.Addr{m.Address} },
		"a host that has the VIP as its own": func(c *Cluster, m *Member) { m.Address = c.VIP.Addr() },
		"a host of the other address family": func(_ *Cluster, m *Member) { m.Address = netip.MustParseAddr("fd00::1") },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			cluster, member := sampleCluster(), sampleMember()
			change(&cluster, &member)
			if tree, err := Render(cluster, member, DefaultLayout()); !errors.Is(err, ErrInvalid) {
				t.Errorf("got %v, %v", tree, err)
			}
		})
	}
}

func FuzzRender_neverLetsAWordSplit(f *testing.F) {
	f.Add("demo", "owner", "a/b", "master01", "br0")
	f.Add("x", "o\n", "}", "a server", "br0;")
	f.Fuzz(func(t *testing.T, id, owner, name, backend, bridge string) {
		cluster, member := sampleCluster(), sampleMember()
		want, err := Render(cluster, member, DefaultLayout())
		assert.NoError(t, err)
		cluster.ID, cluster.Owner, cluster.Name, cluster.Backends[0].Name, member.Bridge = id, owner, name, backend, bridge
		tree, err := Render(cluster, member, DefaultLayout())
		if err != nil {
			return
		}
		for i, file := range tree.Files {
			if got, lines := strings.Count(string(file.Content), "\n"), strings.Count(string(want.Files[i].Content), "\n"); got != lines {
				t.Errorf("%s has %d lines instead of %d", file.Name, got, lines)
			}
		}
	})
}

func TestShared_checksWhatHAProxyMonitors(t *testing.T) {
	if !strings.Contains(checkScript, "GET "+monitorPath+" HTTP/1.0") {
		t.Errorf("check-haproxy does not ask for %s", monitorPath)
	}
}
