// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"crypto/sha256"
	"encoding/hex"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

// LoadBalancerIdentityAnnotation of a LibvirtCluster keeps by what its load balancer is known on the hosts. It survives a
// move to another management cluster, which takes the status away.
const LoadBalancerIdentityAnnotation = "infrastructure.cluster.x-k8s.io/load-balancer-identity"

// LoadBalancerIdentity returns by what a cluster's load balancer is known on the hosts; both are empty when nothing of it
// was ever written there. The ID is short enough for names of units and sockets; the owner's hash in it keeps clusters of
// one name apart.
func LoadBalancerIdentity(cluster *infrav1.LibvirtCluster) (id, owner string) {
	owner = cluster.Annotations[LoadBalancerIdentityAnnotation]
	if owner == "" {
		return "", ""
	}
	sum := sha256.Sum256([]byte(owner))
	return "c" + hex.EncodeToString(sum[:6]), owner
}
