// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package profilesource

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
)

// Keys of the Secret with the key pair.
const (
	PrivateKey = corev1.SSHAuthPrivateKey
	PublicKey  = "ssh-publickey"
)

// KeyPairName returns the name of the Secret with the key pair of a cluster.
func KeyPairName(cluster string) string { return cluster + "-altcos-ssh" }

// ensureKeyPair returns the key pair of the cluster. The first machine that needs it creates it; the Secret belongs to
// the Cluster, so that it is moved and deleted with it. An existing pair is never replaced, the user's own included.
func ensureKeyPair(ctx context.Context, c client.Client, cluster *clusterv1.Cluster) (altcos.ClusterSSH, error) {
	key := client.ObjectKey{Namespace: cluster.Namespace, Name: KeyPairName(cluster.Name)}
	found := &corev1.Secret{}
	err := c.Get(ctx, key, found)
	if err == nil {
		return pairOf(found)
	}
	if !apierrors.IsNotFound(err) {
		return altcos.ClusterSSH{}, fmt.Errorf("read secret %q: %w", key.Name, err)
	}
	made, err := newKeyPair(cluster)
	if err != nil {
		return altcos.ClusterSSH{}, fmt.Errorf("generate key pair: %w", err)
	}
	err = c.Create(ctx, made)
	if apierrors.IsAlreadyExists(err) { // of two machines that race, one finds the other's pair next time
		return altcos.ClusterSSH{}, fmt.Errorf("secret %q with label %s %w, but one of that name does: it was created a moment ago, or it is your own and needs the label",
			key.Name, clusterv1.ClusterNameLabel, ErrUnseen)
	}
	if err != nil {
		return altcos.ClusterSSH{}, fmt.Errorf("create secret %q: %w", key.Name, err)
	}
	return pairOf(made)
}

func pairOf(secret *corev1.Secret) (altcos.ClusterSSH, error) {
	pair := altcos.ClusterSSH{PublicKey: strings.TrimSpace(string(secret.Data[PublicKey])), PrivateKey: secret.Data[PrivateKey]}
	if pair.PublicKey == "" || len(pair.PrivateKey) == 0 {
		return altcos.ClusterSSH{}, fmt.Errorf("keys %q and %q of Secret %q: one %w", PrivateKey, PublicKey, secret.Name, ErrMissing)
	}
	return pair, nil
}

func newKeyPair(cluster *clusterv1.Cluster) (*corev1.Secret, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	comment := "altcos@" + cluster.Name
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return nil, err
	}
	authorized, err := ssh.NewPublicKey(public)
	if err != nil {
		return nil, err
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(authorized))) + " " + comment + "\n"
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: cluster.Namespace,
			Name:      KeyPairName(cluster.Name),
			Labels:    map[string]string{clusterv1.ClusterNameLabel: cluster.Name},
			OwnerReferences: []metav1.OwnerReference{
				{APIVersion: clusterv1.GroupVersion.String(), Kind: "Cluster", Name: cluster.Name, UID: cluster.UID},
			},
		},
		Type: corev1.SecretTypeSSHAuth,
		Data: map[string][]byte{PrivateKey: pem.EncodeToMemory(block), PublicKey: []byte(line)},
	}, nil
}
