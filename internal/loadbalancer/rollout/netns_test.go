// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/sshexec"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// segment is a network of our own: one switch, hosts with a bridge each, a client.
type segment struct {
	prefix string
	t      *testing.T
}

func newSegment(t *testing.T) *segment {
	t.Helper()
	s := &segment{prefix: fmt.Sprintf("alb%d", os.Getpid()%100000), t: t}
	s.namespace("sw")
	s.ip("sw", "link add name switch type bridge", "link set switch up")
	return s
}

func (s *segment) name(node string) string { return s.prefix + "-" + node }

func (s *segment) namespace(node string) {
	s.t.Helper()
	s.must("ip", "netns", "add", s.name(node))
	s.t.Cleanup(func() { s.must("ip", "netns", "del", s.name(node)) })
	s.ip(node, "link set lo up")
}

func (s *segment) must(name string, arguments ...string) {
	s.t.Helper()
	if out, err := exec.Command(name, arguments...).CombinedOutput(); err != nil {
		s.t.Fatalf("%s %v (this test needs root): %v\n%s", name, arguments, err, out)
	}
}

func (s *segment) ip(node string, commands ...string) {
	s.t.Helper()
	for _, command := range commands {
		s.must("ip", append([]string{"-n", s.name(node)}, strings.Fields(command)...)...)
	}
}

// plug connects a node by up0 and a port of the switch; bridge nodes get br0 on top.
func (s *segment) plug(node, address string, bridge bool) {
	s.t.Helper()
	s.namespace(node)
	s.must("ip", "link", "add", "up0", "netns", s.name(node), "type", "veth", "peer", "name", "p"+node, "netns", s.name("sw"))
	s.ip("sw", "link set p"+node+" master switch up")
	device := "up0"
	if bridge {
		s.ip(node, "link add br0 type bridge", "link set up0 master br0", "link set br0 up")
		device = "br0"
	}
	s.ip(node, "link set up0 up", "addr add "+address+" dev "+device+" nodad")
}

// lab is one host: a namespace, a layout of its own, and the small systemctl.
type lab struct {
	segment *segment
	name    string
	layout  loadbalancer.Layout
	stub    string
	pid     int
}

// newLab makes a host. Its files have the same paths as on every other host of the test because each host has a mount
// namespace of its own, as a machine would.
func (s *segment) newLab(name, address string) *lab {
	s.t.Helper()
	s.plug(name, address, true)
	l := &lab{segment: s, name: name, stub: s.t.TempDir(), layout: testLayout}
	// The holder of the mount namespace: everything else joins it by its pid.
	holder := exec.Command("ip", "netns", "exec", s.name(name), "unshare", "--mount", "--propagation", "private", "sh", "-c",
		"mkdir -p $0 && mount -t tmpfs -o mode=755 tmpfs $0 && cd $0 && mkdir etc units run && echo ready && exec sleep 100000", testRoot)
	ready, err := holder.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		s.t.Fatal(err)
	}
	if _, err := ready.Read(make([]byte, 6)); err != nil {
		s.t.Fatal(err)
	}
	l.pid = holder.Process.Pid
	s.t.Cleanup(func() {
		l.stopEverything()
		_ = holder.Process.Kill()
		_ = holder.Wait()
		_ = os.Remove(testRoot) // once it is not used
	})
	return l
}

// testRoot is where each host mounts a tmpfs for itself: the same path on all hosts of this process, and no other's, since
// removing a mount point takes the mounts of all namespaces away.
var testRoot = fmt.Sprintf("/run/altcos-lbtest-%d", os.Getpid())

var testLayout = loadbalancer.Layout{Config: testRoot + "/etc", Units: testRoot + "/units", Runtime: testRoot + "/run"}

func (l *lab) command(ctx context.Context, script string) *exec.Cmd {
	binaries, err := filepath.Abs("testdata/bin")
	if err != nil {
		l.segment.t.Fatal(err)
	}
	command := exec.CommandContext(ctx, "nsenter", "--mount", "--net", "--target", fmt.Sprint(l.pid), "sh", "-c", script)
	command.Env = append(os.Environ(), "PATH="+binaries+":"+os.Getenv("PATH"),
		"STUB="+l.stub, "UNITS="+l.layout.Units, "RUNTIME="+l.layout.Runtime)
	return command
}

// Run implements virt.Shell.
func (l *lab) Run(ctx context.Context, script virt.Script) ([]byte, error) {
	text, err := sshexec.Text(script)
	if err != nil {
		return nil, err
	}
	command := l.command(ctx, text)
	command.Stdin = bytes.NewReader(script.Stdin)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return out, fmt.Errorf("%w: %s", err, stderr.String())
	}
	if stderr.Len() > 0 {
		l.segment.t.Logf("%s: stderr: %s", l.name, stderr.String())
	}
	return out, nil
}

func (l *lab) shell(script string) string {
	l.segment.t.Helper()
	out, err := l.command(context.Background(), script).CombinedOutput()
	if err != nil {
		l.segment.t.Fatalf("%s: %s: %v\n%s", l.name, script, err, out)
	}
	return strings.TrimSpace(string(out))
}

// inject makes something on the host fail until the returned function is called.
func (l *lab) inject(fault string) (repair func()) {
	path := filepath.Join(l.stub, fault)
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		l.segment.t.Fatal(err)
	}
	return func() { _ = os.Remove(path) }
}

// signal sends a signal to the main process of a unit and its children.
func (l *lab) signal(unit string, signal syscall.Signal) {
	l.segment.t.Helper()
	for _, pid := range l.processes(unit) {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			l.segment.t.Errorf("signal %d of %s: %v", pid, unit, err)
		}
	}
}

func (l *lab) processes(unit string) []int {
	content, err := os.ReadFile(filepath.Join(l.stub, "pid-"+unit))
	if err != nil {
		return nil
	}
	text := strings.TrimSpace(string(content))
	children, _ := os.ReadFile("/proc/" + text + "/task/" + text + "/children")
	var pids []int
	for _, field := range strings.Fields(text + " " + string(children)) {
		var pid int
		if _, err := fmt.Sscan(field, &pid); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (l *lab) stopEverything() {
	files, _ := filepath.Glob(filepath.Join(l.stub, "pid-*"))
	for _, file := range files {
		unit := strings.TrimPrefix(filepath.Base(file), "pid-")
		for _, pid := range l.processes(unit) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// host describes the lab host to the Balancer.
func (l *lab) host(address string, priority uint8) Host {
	return Host{Name: l.name, Shell: l, Bridge: "br0", Address: netip.MustParseAddr(address), Priority: priority}
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}
