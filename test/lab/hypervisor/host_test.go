// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package hypervisor_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/hypervisor"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/segment"
)

const lab = "hosttest"

// hosts of the manual's example.
var addresses = map[string]netip.Addr{
	"node3": netip.MustParseAddr("10.150.0.3"),
	"node4": netip.MustParseAddr("10.150.0.4"),
	"node5": netip.MustParseAddr("10.150.0.5"),
}

// fixture is a lab's network and everything needed to start hosts in it. It is removed when the test ends.
type fixture struct {
	store   *artifact.Store
	network *segment.Segment
	dir     string
	signer  ssh.Signer
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("hypervisor hosts need root: they are made of namespaces, mounts and control groups")
	}
	store, err := artifact.Open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hypervisor.Base(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	before := traces(t)
	network, err := segment.Ensure(t.Context(), lab)
	if err != nil {
		t.Fatal(err)
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	// Not t.TempDir(): it may be a tmpfs, on which no overlay and no direct input and output work.
	dir, err := os.MkdirTemp("/var/tmp", "altcos-host-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		for name := range addresses {
			if err := hypervisor.Remove(ctx, network, name, filepath.Join(dir, name)); err != nil {
				t.Error(err)
			}
		}
		if err := segment.Remove(ctx, lab); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(before, traces(t)); diff != "" {
			t.Errorf("the lab left traces (-before +after):\n%s", diff)
		}
	})
	return &fixture{store: store, network: network, dir: dir, signer: signer}
}

// traces lists everything on the machine that a lab could leave behind.
func traces(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for name, pattern := range map[string]string{
		"network namespaces": "/run/netns/altcos-" + lab + "-*",
		"lock files":         "/run/lock/altcos-lab-" + lab + "*",
		"control groups":     "/sys/fs/cgroup/*altcos-" + lab + "-*",
		"old control groups": "/sys/fs/cgroup/*/altcos-" + lab + "-*",
		"state directories":  "/var/tmp/altcos-host-test-*",
	} {
		found[name], _ = filepath.Glob(pattern)
	}
	links, err := exec.Command("ip", "-o", "link").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(links)) {
		found["links"] = append(found["links"], strings.Fields(line)[1])
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, "altcos") {
			found["mounts"] = append(found["mounts"], line)
		}
	}
	environments, _ := filepath.Glob("/proc/[0-9]*/cgroup")
	for _, path := range environments {
		content, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(content), "/altcos-"+lab+"-") {
			found["processes"] = append(found["processes"], path)
		}
	}
	return found
}

func (f *fixture) options(name string) hypervisor.Options {
	return hypervisor.Options{
		Name: name, Address: addresses[name], StateDir: filepath.Join(f.dir, name),
		AuthorizedKeys: []ssh.PublicKey{f.signer.PublicKey()},
	}
}

func (f *fixture) ensure(t *testing.T, name string) *hypervisor.Host {
	t.Helper()
	host, err := hypervisor.Ensure(t.Context(), f.store, f.network, f.options(name))
	if err != nil {
		t.Fatal(err)
	}
	return host
}

// ssh logs in from inside the segment and runs a command.
func (f *fixture) ssh(t *testing.T, host *hypervisor.Host, user, command string) (string, error) {
	t.Helper()
	connection, err := f.network.DialContext(t.Context(), "tcp", netip.AddrPortFrom(host.Address, 22).String())
	if err != nil {
		return "", err
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(20 * time.Second))
	client, channels, requests, err := ssh.NewClientConn(connection, host.Name, &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(f.signer)},
		HostKeyCallback: ssh.FixedHostKey(host.SSHHostKey),
	})
	if err != nil {
		return "", err
	}
	session, err := ssh.NewClient(client, channels, requests).NewSession()
	if err != nil {
		return "", err
	}
	output, err := session.CombinedOutput(command)
	return string(output), err
}

func TestEnsure_startsThreeHostsAtOnce(t *testing.T) {
	f := newFixture(t)
	began := time.Now()
	var group errgroup.Group
	for name := range addresses {
		group.Go(func() error {
			_, err := hypervisor.Ensure(t.Context(), f.store, f.network, f.options(name))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("three hosts running after %s", time.Since(began).Round(time.Millisecond))
	var names []string
	for name := range addresses {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		host := f.ensure(t, name) // found again, not started again
		for _, check := range []struct{ user, command, want string }{
			{"root", "systemctl is-system-running; systemctl --failed --no-legend", "running\n"},
			{"root", "hostname; hostname -I", name + "\n" + host.Address.String() + " \n"},
			{"root", "virsh -q -c qemu:///system pool-list", " default   active   yes\n"},
			{hypervisor.User, "virsh -c qemu:///system list --name", "\n"},
			{"root", "systemctl is-enabled haproxy keepalived libvirtd ssh", "disabled\ndisabled\nenabled\nenabled\n"},
		} {
			got, err := f.ssh(t, host, check.user, check.command)
			if err != nil && check.command[:9] != "systemctl" { // systemctl's exit code tells of disabled units
				t.Errorf("%s@%s %s: %v", check.user, name, check.command, err)
			}
			if diff := cmp.Diff(check.want, got); diff != "" {
				t.Errorf("%s@%s %s (-want +got):\n%s", check.user, name, check.command, diff)
			}
		}
		if info, err := os.Stat(host.UnixSocket()); err != nil || info.Mode()&os.ModeSocket == 0 {
			t.Errorf("libvirt socket of %s from outside: %v", name, err)
		}
	}
}
