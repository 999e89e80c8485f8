// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package sshexec_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"

	"github.com/altcos/cluster-api-provider-altcos/internal/sshexec"
	"github.com/altcos/cluster-api-provider-altcos/internal/sshexec/sshexectest"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/packages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConnection_keepsContractOnTestServer(t *testing.T) {
	sshexectest.Contract(t, sshexectest.Start(t).Target())
}

func TestConnection_keepsContractOnOpenSSH(t *testing.T) {
	sshexectest.Contract(t, startOpenSSH(t))
}

// startOpenSSH runs the system's sshd on a free loopback port.
func startOpenSSH(t *testing.T) sshexec.Target {
	t.Helper()
	const binary = "/usr/sbin/sshd"
	assert.NoError(t, packages.Ensure(t.Context(), "openssh-server"))
	directory := t.TempDir()
	hostKey, clientKey := sshexectest.NewKey(t), sshexectest.NewKey(t)
	write := func(name string, content []byte) string {
		path := filepath.Join(directory, name)
		assert.NoError(t, os.WriteFile(path, content, 0o600))
		return path
	}
	port := freePort(t)
	config := fmt.Sprintf("ListenAddress 127.0.0.1:%d\nHostKey %s\nAuthorizedKeysFile %s\nPidFile none\nUsePAM no\n"+
		"StrictModes no\nPermitRootLogin prohibit-password\n",
		port, write("host", hostKey.PEM), write("authorized", clientKey.AuthorizedLine()))
	assert.NoError(t, os.MkdirAll("/run/sshd", 0o755))
	command := exec.Command(binary, "-D", "-e", "-f", write("config", []byte(config)))
	command.Stderr = t.Output()
	assert.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	address := fmt.Sprintf("127.0.0.1:%d", port)
	awaitPort(t, address)
	known := fmt.Sprintf("[127.0.0.1]:%d %s %s", port, ssh.KeyAlgoED25519, string(hostKey.AuthorizedLine()[len(ssh.KeyAlgoED25519)+1:]))
	return sshexec.Target{Key: "h", Address: address, User: "root", PrivateKey: clientKey.PEM, HostKeys: []byte(known)}
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port
}

func awaitPort(t *testing.T, address string) {
	t.Helper()
	for range 100 {
		if conn, err := net.Dial("tcp", address); err == nil {
			_ = conn.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("nothing listens on %s", address)
}
