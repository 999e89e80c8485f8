// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package hypervisortest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/hypervisor"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/packages"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/segment"
)

const (
	removeLimit = time.Minute
	sshLimit    = 20 * time.Second
)

// Lab is a network with hypervisor hosts for one test.
type Lab struct {
	// Network is where the hosts are; a test dials them with its DialContext.
	Network *segment.Segment
	// Signer holds the key that may log in to every host.
	Signer ssh.Signer

	t     testing.TB
	store *artifact.Store
	dir   string
	names map[string]bool
}

// New creates the network of a lab. Tests that may run at the same time need different names. The test fails
// when it does not run as root.
func New(t testing.TB, name string) *Lab {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("hypervisor hosts need root: they consist of namespaces, mounts and control groups")
	}
	store, err := artifact.Open()
	check(t, err)
	store.Progress = func(message string) { t.Log(message) }
	check(t, packages.Ensure(t.Context(), "iproute2"))
	// Not t.TempDir(): it may be a tmpfs, where neither the hosts' overlay nor direct input and output work.
	dir, err := os.MkdirTemp("/var/tmp", "altcos-"+name+"-")
	check(t, err)
	lab := &Lab{t: t, store: store, dir: dir, names: map[string]bool{}, Signer: newSigner(t)}
	t.Cleanup(func() { lab.remove(name) })
	lab.Network, err = segment.Ensure(t.Context(), name)
	check(t, err)
	return lab
}

func newSigner(t testing.TB) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	signer, err := ssh.NewSignerFromKey(private)
	check(t, err)
	return signer
}

// remove goes on after an error: what can be removed is removed.
func (l *Lab) remove(name string) {
	ctx, cancel := context.WithTimeout(context.Background(), removeLimit)
	defer cancel()
	for host := range l.names {
		if err := hypervisor.Remove(ctx, l.Network, host, filepath.Join(l.dir, host)); err != nil {
			l.t.Error(err)
		}
	}
	if err := segment.Remove(ctx, name); err != nil {
		l.t.Error(err)
	}
	if err := os.RemoveAll(l.dir); err != nil {
		l.t.Error(err)
	}
}

// Options returns what Host starts: a host named "node" and a number from 2 to 254, which ends its address.
func (l *Lab) Options(name string) hypervisor.Options {
	l.t.Helper()
	number, err := strconv.ParseUint(strings.TrimPrefix(name, "node"), 10, 8)
	check(l.t, err)
	l.names[name] = true
	return hypervisor.Options{
		Name: name, Address: netip.AddrFrom4([4]byte{10, 150, 0, byte(number)}),
		StateDir: filepath.Join(l.dir, name), AuthorizedKeys: []ssh.PublicKey{l.Signer.PublicKey()},
	}
}

// Host returns the running host called name, such as "node3" at 10.150.0.3.
func (l *Lab) Host(name string) *hypervisor.Host {
	l.t.Helper()
	host, err := l.Start(l.Options(name))
	check(l.t, err)
	return host
}

// Start starts a host in the lab. Unlike Host it may be called from any goroutine.
func (l *Lab) Start(options hypervisor.Options) (*hypervisor.Host, error) {
	return hypervisor.Ensure(l.t.Context(), l.store, l.Network, options)
}

// SSH logs in to a host from inside the segment. The connection is closed when the test ends.
func (l *Lab) SSH(host *hypervisor.Host, user string) *ssh.Client {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), sshLimit)
	defer cancel()
	connection, err := l.Network.DialContext(ctx, "tcp", netip.AddrPortFrom(host.Address, 22).String())
	check(l.t, err)
	check(l.t, connection.SetDeadline(time.Now().Add(sshLimit)))
	handshake, channels, requests, err := ssh.NewClientConn(connection, host.Name, &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(l.Signer)}, HostKeyCallback: ssh.FixedHostKey(host.SSHHostKey),
	})
	check(l.t, err)
	check(l.t, connection.SetDeadline(time.Time{}))
	client := ssh.NewClient(handshake, channels, requests)
	l.t.Cleanup(func() { _ = client.Close() })
	return client
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
