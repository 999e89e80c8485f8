// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/packages"
)

// TestMain lets the test binary play the machines of the lab in their own network namespaces.
func TestMain(m *testing.M) {
	switch os.Getenv("ALTCOS_LB_ROLE") {
	case "backend":
		serveBackend()
	case "probe", "hold":
		address, patience, _ := strings.Cut(os.Getenv("ALTCOS_LB_ARGUMENT"), " ")
		limit, err := time.ParseDuration(patience)
		if err != nil {
			panic(err)
		}
		probeEndpoint(address, limit, os.Getenv("ALTCOS_LB_ROLE") == "hold")
	default:
		needed := []string{"haproxy", "keepalived", "iproute2", "iputils-ping", "procps", "socat", "perl-base", "util-linux"}
		if err := packages.Ensure(context.Background(), needed...); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		goleak.VerifyTestMain(m)
	}
}

// backendConfig comes to a backend on its stdin.
type backendConfig struct {
	Address  string
	Chain    [][]byte
	KeyDER   []byte
	NotReady bool
}

// serveBackend is an API server that answers /readyz; a line on stdin flips whether it is ready.
func serveBackend() {
	input := bufio.NewReader(os.Stdin)
	var config backendConfig
	line, err := input.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &config)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var mutex sync.Mutex
	ready := !config.NotReady
	go func() {
		for {
			if _, err := input.ReadBytes('\n'); err != nil {
				os.Exit(0)
			}
			mutex.Lock()
			ready = !ready
			mutex.Unlock()
		}
	}()
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		if !ready {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = fmt.Fprintln(w, config.Address)
	})
	server := &http.Server{Addr: config.Address, Handler: handler, ErrorLog: log.New(io.Discard, "", 0), TLSConfig: &tls.Config{
		Certificates: []tls.Certificate{{Certificate: config.Chain, PrivateKey: parseKey(config.KeyDER)}},
	}}
	fmt.Fprintln(os.Stderr, server.ListenAndServeTLS("", ""))
	os.Exit(1)
}

// probeEndpoint asks every 20 ms over a new TLS connection, or over one that is never opened again, and prints when it was
// answered within the limit, was told that the server is not ready, or was not answered.
func probeEndpoint(address string, limit time.Duration, hold bool) {
	dialer := &tls.Dialer{NetDialer: &net.Dialer{Timeout: limit}, Config: &tls.Config{InsecureSkipVerify: true}}
	var dialed atomic.Bool
	client := &http.Client{Timeout: limit, Transport: &http.Transport{
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if dialed.Swap(true) && hold {
				return nil, net.ErrClosed
			}
			return dialer.DialContext(ctx, network, address)
		}, DisableKeepAlives: !hold,
	}}
	for range time.Tick(20 * time.Millisecond) {
		response, err := client.Get("https://" + address + "/readyz")
		if err != nil {
			fmt.Println("fail", time.Now().UnixMicro())
			continue
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK {
			fmt.Println("ok", time.Now().UnixMicro())
		} else {
			fmt.Println("unready", time.Now().UnixMicro())
		}
	}
}

// play starts this test binary in a role inside a namespace.
func (s *segment) play(node, role, argument string) *exec.Cmd {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	command := exec.Command("ip", "netns", "exec", s.name(node), self)
	command.Env = append(os.Environ(), "ALTCOS_LB_ROLE="+role, "ALTCOS_LB_ARGUMENT="+argument)
	command.Stderr = os.Stderr
	s.t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	return command
}

// authority signs server certificates for the tests that talk TLS.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kubernetes-ca"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(30, 0, 0), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	assert.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	assert.NoError(t, err)
	return authority{certificate, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

func (a authority) server(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "kube-apiserver"}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	assert.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
