// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/hypervisor"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/management"
)

// signer returns the lab's SSH key, which is created once.
func (l *lab) signer() (ssh.Signer, []byte, error) {
	path := filepath.Join(l.StateDir, "ssh-key")
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		var private ed25519.PrivateKey
		if _, private, err = ed25519.GenerateKey(rand.Reader); err != nil {
			return nil, nil, fmt.Errorf("create SSH key: %w", err)
		}
		block, err := ssh.MarshalPrivateKey(private, "")
		if err != nil {
			return nil, nil, fmt.Errorf("encode SSH key: %w", err)
		}
		content = pem.EncodeToMemory(block)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return nil, nil, fmt.Errorf("write SSH key: %w", err)
		}
	} else if err != nil {
		return nil, nil, fmt.Errorf("read SSH key: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(content)
	if err != nil {
		return nil, nil, fmt.Errorf("decode SSH key: %w", err)
	}
	return signer, content, nil
}

func hostAddress(name string) netip.Addr {
	return netip.MustParseAddr("10.150.0." + strings.TrimPrefix(name, "node"))
}

// startHosts returns the running hosts in the order of their names.
func (l *lab) startHosts(ctx context.Context, p products, key ssh.PublicKey) ([]*hypervisor.Host, error) {
	hosts := make([]*hypervisor.Host, len(hostNames))
	group, ctx := errgroup.WithContext(ctx)
	for index, name := range hostNames {
		group.Go(func() (err error) {
			hosts[index], err = hypervisor.Ensure(ctx, p.store, l.network, hypervisor.Options{
				Name: name, Address: hostAddress(name), StateDir: l.hostDir(name),
				AuthorizedKeys: []ssh.PublicKey{key}, KVM: p.kvm,
			})
			return err
		})
	}
	return hosts, group.Wait()
}

// registerHosts gives the management cluster the inventory and the key to it.
func registerHosts(ctx context.Context, c *management.Cluster, hosts []*hypervisor.Host, privateKey []byte, kvm bool) error {
	var known []string
	for _, host := range hosts {
		known = append(known, knownhosts.Line([]string{host.Address.String()}, host.SSHHostKey))
	}
	secret := &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Namespace: credentialsNamespace, Name: credentialsName},
		Type:       corev1.SecretTypeSSHAuth,
		Data: map[string][]byte{
			corev1.SSHAuthPrivateKey: privateKey, "known_hosts": []byte(strings.Join(known, "\n") + "\n"),
		},
	}
	if err := c.Apply(ctx, secret); err != nil {
		return err
	}
	for _, host := range hosts {
		object := &infrav1.LibvirtHost{
			TypeMeta:   metav1.TypeMeta{APIVersion: infrav1.GroupVersion.String(), Kind: "LibvirtHost"},
			ObjectMeta: metav1.ObjectMeta{Name: host.Name},
			Spec: infrav1.LibvirtHostSpec{
				URI:              "qemu+ssh://root@" + host.Address.String() + "/system",
				CredentialsRef:   infrav1.ObjectReference{Name: credentialsName},
				Accelerator:      infrav1.Accelerator(accelerator(kvm)),
				KernelParameters: infrav1.HostSetupManage,
			},
		}
		if err := c.Apply(ctx, object); err != nil {
			return err
		}
	}
	return nil
}
