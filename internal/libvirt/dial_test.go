// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirt

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/internal/sshexec/sshexectest"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

func TestPool_reachesLibvirtdThroughSSH(t *testing.T) {
	server := sshexectest.Start(t)
	p := NewPool(Limits{})
	t.Cleanup(func() { _ = p.Close() })
	ssh := virt.Target{
		Name: "h1", URI: "qemu+ssh://root@" + server.Target().Address + "/system?socket=" + daemon.Socket,
		Credentials: virt.Credentials{SSHPrivateKey: server.Target().PrivateKey, SSHKnownHosts: server.Target().HostKeys},
	}
	h, err := p.Host(deadline(t, 10*time.Second), ssh)
	assert.NoError(t, err)
	_, err = h.Facts(deadline(t, 10*time.Second))
	assert.NoError(t, err)
	spec := rawSpec("through-ssh")
	_, err = h.WriteVolume(t.Context(), spec, io.LimitReader(rand.Reader, 3<<20), 3<<20)
	assert.NoError(t, err)
	assert.NoError(t, h.DeleteVolume(t.Context(), spec.VolumeRef))
	shell, err := p.Shell(t.Context(), ssh)
	assert.NoError(t, err)
	out, err := shell.Run(t.Context(), virt.Script{Body: `echo "$word"`, Variables: map[string]string{"word": "it's"}})
	if assert.NoError(t, err); string(out) != "it's\n" {
		t.Errorf("got %q", out)
	}
	if dials := server.Dials.Load(); dials != 1 {
		t.Errorf("%d SSH connections were made, want one for all", dials)
	}

	server.DropConnections()
	_, err = h.Facts(deadline(t, 5*time.Second))
	wantError(t, err, virt.ErrUnreachable)
	_, err = shell.Run(t.Context(), virt.Script{Body: "true"})
	wantError(t, err, virt.ErrUnreachable)
	h, err = p.Host(deadline(t, 10*time.Second), ssh)
	assert.NoError(t, err)
	_, err = h.Facts(deadline(t, 10*time.Second))
	assert.NoError(t, err)

	ssh.Revision, ssh.Credentials.SSHKnownHosts = "other key", sshexectest.NewKey(t).AuthorizedLine()
	_, err = p.Host(deadline(t, 10*time.Second), ssh)
	wantError(t, err, virt.ErrAuthentication)
	_, err = p.Shell(t.Context(), ssh)
	wantError(t, err, virt.ErrAuthentication)
	_, err = p.Shell(t.Context(), target())
	wantError(t, err, virt.ErrUnsupported)
}

// authority signs certificates for 127.0.0.1.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a := authority{certificate: template}
	a.key, a.pem, _ = sign(t, template, authority{})
	return a
}

func sign(t *testing.T, template *x509.Certificate, by authority) (key *ecdsa.PrivateKey, certificatePEM, keyPEM []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NoError(t, err)
	if by.key == nil {
		by = authority{certificate: template, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.certificate, key.Public(), by.key)
	assert.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	assert.NoError(t, err)
	return key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

func (a authority) issue(t *testing.T) (certificatePEM, keyPEM []byte) {
	t.Helper()
	_, certificatePEM, keyPEM = sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}, a)
	return certificatePEM, keyPEM
}

// serveTLS speaks TLS as libvirtd does, in front of the test's libvirtd.
func serveTLS(t *testing.T, a authority) (address string) {
	t.Helper()
	certificate, key := a.issue(t)
	pair, err := tls.X509KeyPair(certificate, key)
	assert.NoError(t, err)
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(a.pem)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert,
	})
	assert.NoError(t, err)
	var tasks sync.WaitGroup
	tasks.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			tasks.Go(func() { forward(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		tasks.Wait()
	})
	return listener.Addr().String()
}

func forward(conn net.Conn) {
	defer conn.Close()
	if _, err := conn.Write([]byte{1}); err != nil {
		return
	}
	inner, err := net.Dial("unix", daemon.Socket)
	if err != nil {
		return
	}
	defer inner.Close()
	go func() {
		_, _ = io.Copy(inner, conn)
		_ = inner.Close()
	}()
	_, _ = io.Copy(conn, inner)
}

func TestPool_reachesLibvirtdThroughTLS(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	address := serveTLS(t, a)
	certificate, key := a.issue(t)
	good := virt.Target{
		Name: "h1", URI: "qemu+tls://" + address + "/system",
		Credentials: virt.Credentials{TLSCA: a.pem, TLSCertificate: certificate, TLSPrivateKey: key},
	}
	p := NewPool(Limits{})
	t.Cleanup(func() { _ = p.Close() })
	h, err := p.Host(deadline(t, 10*time.Second), good)
	assert.NoError(t, err)
	_, err = h.Facts(deadline(t, 10*time.Second))
	assert.NoError(t, err)

	unknownServer := good
	unknownServer.Revision, unknownServer.Credentials.TLSCA = "unknown server", stranger.pem
	_, err = p.Host(deadline(t, 10*time.Second), unknownServer)
	wantError(t, err, virt.ErrAuthentication)

	unknownClient := good
	unknownClient.Revision = "unknown client"
	unknownClient.Credentials.TLSCertificate, unknownClient.Credentials.TLSPrivateKey = stranger.issue(t)
	_, err = p.Host(deadline(t, 10*time.Second), unknownClient)
	wantError(t, err, virt.ErrAuthentication)
}
