// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package management

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// serviceAddress is the first address of serviceRange, which kube-apiserver gives to the service kubernetes.
const (
	serviceRange   = "10.96.0.0/16"
	serviceAddress = "10.96.0.1"
)

// trust is every certificate and key of the management cluster.
type trust struct {
	cluster, store, webhook *authority

	apiServer, storeServer, storeClient pair
	serviceAccountKey                   string
}

func openTrust(dir, bindAddress string) (*trust, error) {
	for _, name := range []string{"cluster", "etcd", "webhook"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			return nil, fmt.Errorf("create directory of certificates: %w", err)
		}
	}
	t := &trust{serviceAccountKey: filepath.Join(dir, "service-account.key")}
	var errs [7]error
	if t.cluster, errs[0] = openAuthority(filepath.Join(dir, "cluster"), "ca"); errs[0] != nil {
		return nil, errs[0]
	}
	if t.store, errs[1] = openAuthority(filepath.Join(dir, "etcd"), "ca"); errs[1] != nil {
		return nil, errs[1]
	}
	t.webhook, errs[2] = openAuthority(filepath.Join(dir, "webhook"), "ca")
	t.apiServer, errs[3] = t.cluster.serving("kube-apiserver", bindAddress, "127.0.0.1", serviceAddress, "localhost",
		"kubernetes", "kubernetes.default", "kubernetes.default.svc")
	t.storeServer, errs[4] = t.store.serving("server", bindAddress)
	t.storeClient, errs[5] = t.store.client("kube-apiserver")
	errs[6] = ensureServiceAccountKey(t.serviceAccountKey)
	return t, errors.Join(errs[:]...)
}

func ensureServiceAccountKey(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err == nil {
		err = writeKey(path, key)
	}
	if err != nil {
		return fmt.Errorf("create service account key: %w", err)
	}
	return nil
}

// kubeconfig writes a kubeconfig for a user, with the certificate inside so that the file can be carried elsewhere.
func (t *trust) kubeconfig(path, server, user string, groups ...string) error {
	files, err := t.cluster.client(user, groups...)
	if err != nil {
		return err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["lab"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: t.cluster.pem}
	auth := clientcmdapi.NewAuthInfo()
	if auth.ClientCertificateData, err = os.ReadFile(files.certificate); err != nil {
		return fmt.Errorf("read certificate of %q: %w", user, err)
	}
	if auth.ClientKeyData, err = os.ReadFile(files.key); err != nil {
		return fmt.Errorf("read key of %q: %w", user, err)
	}
	config.AuthInfos[user] = auth
	config.Contexts["lab"] = &clientcmdapi.Context{Cluster: "lab", AuthInfo: user}
	config.CurrentContext = "lab"
	content, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encode kubeconfig of %q: %w", user, err)
	}
	return writeFile(path, content)
}

func encodePEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
