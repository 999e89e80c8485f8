// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package objects

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/profilesource"
)

const (
	// ManagerNamespace is where the credentials of hosts are.
	ManagerNamespace = "altcos-offline-manager"
	credentials      = "placeholder-credentials"
)

// noCredentials returns a Secret that has all keys and gives no access.
func noCredentials() *corev1.Secret {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ManagerNamespace, Name: credentials}, Data: map[string][]byte{}}
	for _, key := range []string{
		inventory.KeySSHPrivateKey, inventory.KeySSHKnownHosts, inventory.KeyTLSCA, inventory.KeyTLSCertificate, inventory.KeyTLSPrivateKey,
	} {
		secret.Data[key] = []byte("none")
	}
	return secret
}

// noKeyPair returns a placeholder for the key pair of a cluster: the controller would generate another one each time.
func noKeyPair(cluster *clusterv1.Cluster) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: cluster.Namespace, Name: profilesource.KeyPairName(cluster.Name)},
		Data: map[string][]byte{
			profilesource.PublicKey:  []byte("ssh-ed25519 placeholder altcos@" + cluster.Name),
			profilesource.PrivateKey: []byte("a placeholder for the private key of the cluster\n"),
		},
	}
}
