// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package management

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

// validity is longer than any lab lives.
const validity = 10 * 365 * 24 * time.Hour

// pair names the files of a certificate and its key.
type pair struct{ certificate, key string }

func pairIn(dir, name string) pair {
	return pair{filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")}
}

// authority signs certificates for one purpose. Its files are created once and kept.
type authority struct {
	dir         string
	files       pair
	pem         []byte
	certificate *x509.Certificate
	key         crypto.Signer
}

func openAuthority(dir, name string) (*authority, error) {
	a := &authority{dir: dir, files: pairIn(dir, name)}
	if _, err := os.Stat(a.files.certificate); errors.Is(err, fs.ErrNotExist) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("generate key of authority %s: %w", name, err)
		}
		template := &x509.Certificate{
			Subject: pkix.Name{CommonName: "altcos-lab-" + name}, IsCA: true, BasicConstraintsValid: true,
			KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		}
		if err := sign(a.files, template, template, key, key); err != nil {
			return nil, fmt.Errorf("create authority %s: %w", name, err)
		}
	}
	return a, a.load()
}

func (a *authority) load() error {
	certificates, err := cert.CertsFromFile(a.files.certificate)
	if err != nil {
		return fmt.Errorf("load authority: %w", err)
	}
	key, err := keyutil.PrivateKeyFromFile(a.files.key)
	if err != nil {
		return fmt.Errorf("load key of authority: %w", err)
	}
	signer, isSigner := key.(crypto.Signer)
	if !isSigner {
		return fmt.Errorf("load key of authority %s: a %T cannot sign", a.files.key, key)
	}
	a.certificate, a.key = certificates[0], signer
	a.pem, err = os.ReadFile(a.files.certificate)
	return err
}

// serving returns a certificate for servers at the given names and addresses, which may also authenticate as a client.
func (a *authority) serving(name string, hosts ...string) (pair, error) {
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: name},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, host := range hosts {
		if address := net.ParseIP(host); address != nil {
			template.IPAddresses = append(template.IPAddresses, address)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return a.issue(pairIn(a.dir, name), template)
}

// client returns a certificate that authenticates a user who belongs to groups.
func (a *authority) client(user string, groups ...string) (pair, error) {
	return a.issue(pairIn(a.dir, "client-"+user), &x509.Certificate{
		Subject:     pkix.Name{CommonName: user, Organization: groups},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}

// issue keeps existing files that were signed by this authority and cover the template's names.
func (a *authority) issue(files pair, template *x509.Certificate) (pair, error) {
	if a.isCurrent(files, template) {
		return files, nil
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err == nil {
		err = sign(files, template, a.certificate, key, a.key)
	}
	if err != nil {
		return pair{}, fmt.Errorf("issue certificate %q: %w", template.Subject.CommonName, err)
	}
	return files, nil
}

func (a *authority) isCurrent(files pair, template *x509.Certificate) bool {
	existing, err := cert.CertsFromFile(files.certificate)
	if err != nil || existing[0].CheckSignatureFrom(a.certificate) != nil {
		return false
	}
	for _, address := range template.IPAddresses {
		if existing[0].VerifyHostname(address.String()) != nil {
			return false
		}
	}
	_, err = os.Stat(files.key)
	return err == nil
}

// sign writes the certificate and its key, the certificate last: without it the pair counts as absent.
func sign(files pair, template, parent *x509.Certificate, key *ecdsa.PrivateKey, parentKey crypto.Signer) error {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().Add(validity)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		return err
	}
	if err := writeKey(files.key, key); err != nil {
		return err
	}
	return writeFile(files.certificate, encodePEM(cert.CertificateBlockType, der))
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	content, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return err
	}
	return writeFile(path, content)
}
