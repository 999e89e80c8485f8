// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtd

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/packages"
)

const (
	// Pool is the storage pool that every daemon has.
	Pool = "images"
	// SmallPool is another one, with 16 MiB; its files cannot be reached from outside.
	SmallPool = "small"
	// Bridge is the bridge that every daemon has, up and with one port.
	Bridge = "br0"

	startTime = 30 * time.Second
)

//go:embed supervise.sh
var supervise string

// Daemon is one private libvirtd.
type Daemon struct {
	// Socket is its RPC socket, reachable from outside its namespaces.
	Socket string
	root   string

	// mutex keeps orders and answers together.
	mutex   sync.Mutex
	process *exec.Cmd
	orders  io.WriteCloser
	answers *bufio.Scanner
	stderr  *strings.Builder
}

// Start installs what is missing and starts a daemon. Close ends it. It needs root.
func Start(ctx context.Context) (*Daemon, error) {
	// The packages with systemd units, which would start a libvirtd of the machine's own, are left out.
	if err := packages.Ensure(ctx, "libvirt-daemon", "libvirt-daemon-driver-qemu", "qemu-system-x86", "qemu-utils",
		"ovmf", "swtpm", "swtpm-tools", "iproute2"); err != nil {
		return nil, err
	}
	// Not below a test's temporary folder: the path of a socket has 107 characters at most.
	root, err := os.MkdirTemp("/var/tmp", "libvirtd-")
	if err != nil {
		return nil, fmt.Errorf("create folder: %w", err)
	}
	d := &Daemon{root: root, Socket: filepath.Join(root, "run", "libvirt-sock"), stderr: &strings.Builder{}}
	if err := errors.Join(d.layOut(), d.supervise(), d.Run(ctx)); err != nil {
		return nil, errors.Join(fmt.Errorf("start private libvirtd: %w", err), d.Close())
	}
	return d, nil
}

// layOut writes the configuration and the folders that are mounted over those of the machine.
func (d *Daemon) layOut() error {
	for _, folder := range []string{"etc/qemu", "etc/storage/autostart", "lib/images", "cache", "log/qemu", "run"} {
		if err := os.MkdirAll(filepath.Join(d.root, folder), 0o755); err != nil {
			return err
		}
	}
	for _, mountPoint := range []string{
		"/etc/libvirt", "/var/lib/libvirt", "/var/cache/libvirt", "/var/log/libvirt", "/run/libvirt",
	} {
		if err := os.MkdirAll(mountPoint, 0o755); err != nil {
			return err
		}
	}
	for name, content := range map[string]string{
		"etc/libvirtd.conf": libvirtdConf, "etc/qemu.conf": qemuConf,
		"etc/storage/" + Pool + ".xml": poolXML(Pool), "etc/storage/" + SmallPool + ".xml": poolXML(SmallPool),
	} {
		if err := os.WriteFile(filepath.Join(d.root, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	for _, pool := range []string{Pool, SmallPool} {
		link := filepath.Join(d.root, "etc/storage/autostart", pool+".xml")
		if err := os.Symlink("/etc/libvirt/storage/"+pool+".xml", link); err != nil {
			return err
		}
	}
	return nil
}

// supervise creates the namespaces.
func (d *Daemon) supervise() error {
	d.process = exec.Command("bash", "-c", supervise, "supervise", d.root)
	d.process.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET,
	}
	d.process.Stderr = d.stderr
	var err error
	if d.orders, err = d.process.StdinPipe(); err != nil {
		return err
	}
	output, err := d.process.StdoutPipe()
	if err != nil {
		return err
	}
	d.answers = bufio.NewScanner(output)
	if err := d.process.Start(); err != nil {
		d.process = nil
		return err
	}
	return d.await("ready")
}

func (d *Daemon) await(answer string) error {
	if !d.answers.Scan() || d.answers.Text() != answer {
		return fmt.Errorf("supervisor did not say %q: %s", answer, d.stderr)
	}
	return nil
}

func (d *Daemon) order(words ...string) error {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if _, err := fmt.Fprintln(d.orders, strings.Join(words, " ")); err != nil {
		return fmt.Errorf("order %q: %w", words, err)
	}
	return d.await("done")
}

// Run starts libvirtd, again after Kill, and waits until it takes connections.
func (d *Daemon) Run(ctx context.Context) error {
	if err := d.order("start"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "unix", d.Socket)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			output, _ := os.ReadFile(filepath.Join(d.root, "libvirtd.out"))
			return fmt.Errorf("libvirtd takes no connections: %w: %s", err, output)
		}
	}
}

// Kill ends libvirtd without giving it time for anything; guests go on.
func (d *Daemon) Kill() error {
	return errors.Join(d.order("signal", "KILL"), d.order("await"))
}

// Freeze stops libvirtd as a machine without memory or with a dead disk would: it keeps its connections and answers
// nothing.
func (d *Daemon) Freeze() error { return d.order("signal", "STOP") }

// Thaw lets libvirtd go on.
func (d *Daemon) Thaw() error { return d.order("signal", "CONT") }

// URI is the connection URI of the daemon.
func (d *Daemon) URI() string { return "qemu+unix:///system?socket=" + d.Socket }

// Path returns where the test finds a file that for the daemon is below /var/lib/libvirt or /var/log/libvirt.
func (d *Daemon) Path(inside string) string {
	for prefix, folder := range map[string]string{"/var/lib/libvirt/": "lib", "/var/log/libvirt/": "log"} {
		if rest, ok := strings.CutPrefix(inside, prefix); ok {
			return filepath.Join(d.root, folder, rest)
		}
	}
	return inside
}

// Close ends libvirtd with its guests and removes all files.
func (d *Daemon) Close() error {
	if d.process != nil {
		_ = d.orders.Close()
		// The status is not needed: the supervisor ends when its input does, or has failed and was reported.
		_ = d.process.Wait()
		d.process = nil
	}
	return os.RemoveAll(d.root)
}
