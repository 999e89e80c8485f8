// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package hostprep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/altcos/cluster-api-provider-altcos/internal/sshexec"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/packages"
)

func TestMain(m *testing.M) {
	if err := packages.Ensure(context.Background(), "iproute2", "util-linux", "procps"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	m.Run()
}

// here runs scripts on this machine, in a network namespace of their own.
type here struct {
	setup string
	path  string
}

func (h here) Run(ctx context.Context, script virt.Script) ([]byte, error) {
	text, err := sshexec.Text(script)
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, "unshare", "--net", "sh", "-c", h.setup+"\n"+text)
	command.Env = append(os.Environ(), "PATH="+h.path+":"+os.Getenv("PATH"))
	return command.Output()
}

func TestCheck_tellsWhatIsMissing(t *testing.T) {
	wanted := Requirements{
		Packages: []string{"coreutils", "no-such-package"}, Programs: []string{"sh", "no-such-program"}, Bridge: "br0",
	}
	bridge := "ip link add br0 type bridge; ip addr add 10.150.0.11/24 dev br0; ip link set br0 up"
	tests := map[string]struct {
		setup       string
		present, up bool
	}{
		"a bridge that is up":               {bridge, true, true},
		"a bridge that is down":             {bridge + "; ip link set br0 down", true, false},
		"no bridge":                         {"true", false, false},
		"an interface that is not a bridge": {"ip link add br0 type veth peer name other; ip link set br0 up", false, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			report, err := Check(t.Context(), here{setup: test.setup}, wanted)
			assert.NoError(t, err)
			if report.BridgePresent != test.present || report.BridgeUp != test.up || !report.CanInstall {
				t.Errorf("got %+v", report)
			}
			assert.Equal(t, []string{"no-such-package"}, report.MissingPackages)
			assert.Equal(t, []string{"no-such-program"}, report.MissingPrograms)
			if test.present && (len(report.BridgeAddresses) != 1 || report.BridgeAddresses[0].String() != "10.150.0.11/24") {
				t.Errorf("addresses: %v", report.BridgeAddresses)
			}
		})
	}
}

func TestCheck_refusesWordsThatAreNone(t *testing.T) {
	for _, wanted := range []Requirements{
		{Packages: []string{"a b"}}, {Programs: []string{"-x"}}, {Bridge: "br0;reboot"}, {Packages: []string{""}},
	} {
		if _, err := Check(t.Context(), here{}, wanted); !errors.Is(err, ErrInvalid) {
			t.Errorf("%v: %v", wanted, err)
		}
	}
}

func TestParseReport_knowsFilteredBridgesAndLostOutput(t *testing.T) {
	report, err := parseReport([]byte("filter net.bridge.bridge-nf-call-iptables 1\nfilter net.bridge.bridge-nf-call-arptables 0\nend\n"))
	if err != nil || !cmp.Equal(report.Filtered, []string{"net.bridge.bridge-nf-call-iptables"}) {
		t.Errorf("got %v, %v", report, err)
	}
	if _, err := parseReport([]byte("package x\n")); !errors.Is(err, ErrUnexpectedOutput) {
		t.Errorf("got %v", err)
	}
}

// fakeApt is an apt-get that records how it was called.
func fakeApt(t *testing.T, status string) (path, calls string) {
	t.Helper()
	directory := t.TempDir()
	calls = filepath.Join(directory, "calls")
	script := "#!/bin/sh\necho \"$@\" >>" + calls + "\ncase $* in *install*) echo E: nothing found >&2; exit " + status + " ;; esac\n"
	assert.NoError(t, os.WriteFile(filepath.Join(directory, "apt-get"), []byte(script), 0o755))
	return directory, calls
}

func TestInstallPackages_callsAptGet(t *testing.T) {
	path, calls := fakeApt(t, "0")
	assert.NoError(t, InstallPackages(t.Context(), here{path: path}, LoadBalancerPackages()))
	got, err := os.ReadFile(calls)
	if want := "-q -y update\n-q -y install haproxy keepalived\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	path, _ = fakeApt(t, "100")
	if err := InstallPackages(t.Context(), here{path: path}, []string{"x"}); !errors.Is(err, ErrInstall) || !strings.Contains(err.Error(), "nothing found") {
		t.Errorf("got %v", err)
	}
}

func TestDisableBridgeFilter_ownsOnlyItsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sysctl.d", "x.conf")
	for range 2 {
		assert.NoError(t, sysctl(t.Context(), here{}, file))
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != sysctlContent {
		t.Errorf("got %q, %v", got, err)
	}
	if err := forget(t.Context(), here{}, file); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
	assert.NoError(t, os.WriteFile(file, []byte("mine"), 0o644))
	if err := sysctl(t.Context(), here{}, file); err == nil {
		t.Error("the file of another owner was replaced")
	}
	if err := forget(t.Context(), here{}, file); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error("the file of another owner was removed")
	}
}

func FuzzParseReport(f *testing.F) {
	f.Add("package a\nbridge\naddress 10.0.0.1/24\nend\n")
	f.Fuzz(func(t *testing.T, text string) {
		report, err := parseReport([]byte(text))
		if err == nil && report.BridgePresent && !strings.Contains(text, "bridge") {
			t.Error("a bridge out of nothing")
		}
	})
}

func TestRemoveLogs_takesOneDomainsLogsAndNoOthers(t *testing.T) {
	root := t.TempDir()
	qemu, swtpm := filepath.Join(root, "libvirt", "qemu"), filepath.Join(root, "swtpm", "libvirt", "qemu")
	gone := []string{
		"a.log", "a.log.0", "a.log.1.gz", "a.log.12", "a.log-20260131.xz", "a-console.log", "a-console.log.0", "a-console.log.2",
	}
	kept := []string{"a-1-console.log", "a-1-console.log.0", "a-1.log", "a.log.old", "aa.log", "b.log"} // in their order
	for _, name := range append(append([]string{}, gone...), kept...) {
		writeFile(t, filepath.Join(qemu, name))
	}
	writeFile(t, filepath.Join(swtpm, "a-swtpm.log"))
	writeFile(t, filepath.Join(swtpm, "a-1-swtpm.log"))

	for range 2 { // the second time there is nothing to do
		assert.NoError(t, removeLogs(t.Context(), here{}, "a", root))
	}
	assert.Equal(t, kept, names(t, qemu))
	assert.Equal(t, []string{"a-1-swtpm.log"}, names(t, swtpm))
}

func TestRemoveLogs_needsNoFolders(t *testing.T) {
	if err := removeLogs(t.Context(), here{}, "a", filepath.Join(t.TempDir(), "absent")); err != nil {
		t.Error(err)
	}
}

func TestRemoveLogs_tellsOfLogsThatStay(t *testing.T) {
	root := t.TempDir()
	writeFile(t, filepath.Join(root, "libvirt", "qemu", "a.log", "a folder is not removed"))
	if err := removeLogs(t.Context(), here{}, "a", root); err == nil {
		t.Error("no error")
	}
}

func TestRemoveLogs_refusesNamesThatAreNone(t *testing.T) {
	for _, name := range []string{"", "../a", "a/b", "-a", "a*", "a'b", "a b"} {
		if err := RemoveLogs(t.Context(), here{}, name); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func writeFile(t *testing.T, path string) {
	t.Helper()
	assert.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	assert.NoError(t, os.WriteFile(path, nil, 0o600))
}

func names(t *testing.T, folder string) (found []string) {
	t.Helper()
	entries, err := fs.ReadDir(os.DirFS(folder), ".")
	assert.NoError(t, err)
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	return found
}
