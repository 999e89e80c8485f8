// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"

	kubeadmv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	"sigs.k8s.io/cluster-api/util/certs"
)

// members are the servers of the control plane, by node, with the certificates that they present.
type members struct {
	etcd, apiServers map[string]*tls.Certificate
}

// certificate returns that of the etcd member of a pod, or that of any API server.
func (m *members) certificate(serverName string) (*tls.Certificate, error) {
	if c, ok := m.etcd[serverName]; ok {
		return c, nil
	}
	for _, c := range m.apiServers {
		return c, nil
	}
	return nil, errors.New("no API server runs")
}

func (m *members) add(node string, a authorities) error {
	server, err := a.cluster.serve("kube-apiserver", "localhost")
	if err != nil {
		return err
	}
	member, err := a.etcd.serve(etcdPod(node), etcdPod(node), "localhost")
	if err != nil {
		return err
	}
	m.apiServers[node], m.etcd[etcdPod(node)] = server, member
	return nil
}

func (m *members) remove(node string) {
	delete(m.apiServers, node)
	delete(m.etcd, etcdPod(node))
}

func etcdPod(node string) string { return "etcd-" + node }

// authorities are what kubeadm finds in /etc/kubernetes/pki.
type authorities struct {
	cluster, etcd *authority
}

type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

func newAuthority(certificate, key string) (*authority, error) {
	c, err := certs.DecodeCertPEM([]byte(certificate))
	if err != nil || c == nil {
		return nil, fmt.Errorf("read certificate of an authority: %w", err)
	}
	k, err := certs.DecodePrivateKeyPEM([]byte(key))
	if err != nil || k == nil {
		return nil, fmt.Errorf("read key of an authority: %w", err)
	}
	return &authority{c, k}, nil
}

// serve makes a certificate for a server on loopback.
func (a *authority) serve(commonName string, names ...string) (*tls.Certificate, error) {
	key, err := certs.NewSigner(kubeadmv1.EncryptionAlgorithmECDSAP256)
	if err != nil {
		return nil, err
	}
	config := certs.Config{
		CommonName: commonName,
		AltNames:   certs.AltNames{DNSNames: names, IPs: []net.IP{net.IPv4(127, 0, 0, 1)}},
		Usages:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	certificate, err := config.NewSignedCert(key, a.certificate, a.key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{certificate.Raw}, PrivateKey: key}, nil
}
