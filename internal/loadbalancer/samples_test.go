// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/netip"
	"os"
	"testing"
	"time"
)

const sampleID = "7c9d2f4e-demo"

func sampleCluster() Cluster {
	return Cluster{
		ID: sampleID, Owner: "3f0c-owner", Name: "team-a/demo", Generation: 4,
		VIP: netip.MustParsePrefix("10.150.0.160/24"), Port: 8443, VRID: 61,
		Backends: []Backend{
			{Name: "master02", Address: netip.MustParseAddrPort("10.150.0.162:6443")},
			{Name: "master01", Address: netip.MustParseAddrPort("10.150.0.161:6443")},
		},
	}
}

func sampleMember() Member {
	return Member{
		Bridge: "br0", Address: netip.MustParseAddr("10.150.0.11"), Priority: 254,
		Peers: []netip.Addr{netip.MustParseAddr("10.150.0.13"), netip.MustParseAddr("10.150.0.12")},
	}
}

// sampleCA is a reviewed file, so that goldens do not change with every run.
func sampleCA(t *testing.T) []byte {
	t.Helper()
	content, err := os.ReadFile("testdata/ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	return content
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
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kubernetes-ca"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(30, 0, 0), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{certificate, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

func (a authority) server(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "kube-apiserver"}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
