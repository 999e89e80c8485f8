// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package hypervisor_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/hypervisor"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/hypervisor/hypervisortest"
)

const labName = "hosttest"

// newLab makes a lab and sees to it that nothing of it is left after the test.
func newLab(t *testing.T) *hypervisortest.Lab {
	t.Helper()
	before := traces(t)
	t.Cleanup(func() {
		if diff := cmp.Diff(before, traces(t)); diff != "" {
			t.Errorf("the lab left traces (-before +after):\n%s", diff)
		}
	})
	return hypervisortest.New(t, labName)
}

// traces lists everything on the machine that a lab could leave behind.
func traces(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for name, pattern := range map[string]string{
		"network namespaces": "/run/netns/altcos-" + labName + "-*",
		"lock files":         "/run/lock/altcos-lab-" + labName + "*",
		"control groups":     "/sys/fs/cgroup/altcos-" + labName + "-*",
		"control groups 2":   "/sys/fs/cgroup/*/altcos-" + labName + "-*",
		"state directories":  "/var/tmp/altcos-" + labName + "-*",
	} {
		found[name], _ = filepath.Glob(pattern)
	}
	links, err := exec.Command("ip", "-o", "link").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(links)) {
		if strings.Contains(line, "p-node") || strings.Contains(line, "up0") {
			found["links"] = append(found["links"], line)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, labName) {
			found["mounts"] = append(found["mounts"], line)
		}
	}
	processes, _ := filepath.Glob("/proc/[0-9]*/cgroup")
	for _, path := range processes {
		content, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(content), "/altcos-"+labName+"-") {
			found["processes"] = append(found["processes"], path)
		}
	}
	return found
}

// run runs a command over SSH and returns all that it says.
func run(t *testing.T, client *ssh.Client, command string) (string, error) {
	t.Helper()
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	output, err := session.CombinedOutput(command)
	return string(output), err
}

func TestEnsure_startsThreeHostsAtOnce(t *testing.T) {
	lab := newLab(t)
	names := []string{"node3", "node4", "node5"}
	began := time.Now()
	var group errgroup.Group
	for _, name := range names {
		options := lab.Options(name)
		group.Go(func() error {
			_, err := lab.Start(options)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("three hosts running after %s", time.Since(began).Round(time.Millisecond))
	for _, name := range names {
		verify(t, lab, lab.Host(name)) // found again, not started again
	}
}

// verify looks at a host the way the product does: over SSH from inside the segment, and at its libvirt socket.
func verify(t *testing.T, lab *hypervisortest.Lab, host *hypervisor.Host) {
	t.Helper()
	clients := map[string]*ssh.Client{"root": lab.SSH(host, "root"), hypervisor.User: lab.SSH(host, hypervisor.User)}
	for _, check := range []struct{ user, command, want string }{
		{"root", "systemctl is-system-running; systemctl --failed --no-legend", "running\n"},
		{"root", "hostname; hostname -I", host.Name + "\n" + host.Address.String() + " \n"},
		{"root", "virsh -q -c qemu:///system pool-list", " default   active   yes\n"},
		{hypervisor.User, "virsh -c qemu:///system list --name", "\n"},
		{"root", "systemctl is-enabled haproxy keepalived libvirtd ssh || true", "disabled\ndisabled\nenabled\nenabled\n"},
		{"root", "dd if=/dev/zero of=/var/lib/libvirt/images/direct bs=4096 count=1 oflag=direct status=none", ""},
	} {
		got, err := run(t, clients[check.user], check.command)
		if err != nil {
			t.Errorf("%s@%s: %s: %v", check.user, host.Name, check.command, err)
		}
		if diff := cmp.Diff(check.want, got); diff != "" {
			t.Errorf("%s@%s: %s (-want +got):\n%s", check.user, host.Name, check.command, diff)
		}
	}
	info, err := os.Stat(host.UnixSocket())
	if err != nil || info.Mode()&os.ModeSocket == 0 {
		t.Errorf("libvirt socket of %s from outside: %v", host.Name, err)
	}
}
