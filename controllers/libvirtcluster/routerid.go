// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster

import (
	"context"
	"fmt"
	"hash/fnv"
	"strconv"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
)

// Annotations for what must survive clusterctl move, which drops the status.
const (
	identityAnnotation = inventory.LoadBalancerIdentityAnnotation
	routerIDAnnotation = "infrastructure.cluster.x-k8s.io/virtual-router-id"
)

// identify chooses the identity of the load balancer on the hosts, and waits until it is stored: files on a host whose owner
// is not recorded could never be removed.
func (r *Reconciler) identify(ctx context.Context, s *scope) error {
	if !managed(s.lc) {
		return nil
	}
	before := s.lc.Annotations[identityAnnotation] + "/" + s.lc.Annotations[routerIDAnnotation]
	if s.lc.Annotations == nil {
		s.lc.Annotations = map[string]string{}
	}
	if s.lc.Annotations[identityAnnotation] == "" {
		s.lc.Annotations[identityAnnotation] = string(s.lc.UID)
	}
	id, err := r.routerID(ctx, s.lc)
	if err != nil {
		return err
	}
	s.lc.Annotations[routerIDAnnotation] = strconv.Itoa(int(id))
	if before != s.lc.Annotations[identityAnnotation]+"/"+s.lc.Annotations[routerIDAnnotation] {
		return outcome.Waitf(infrav1.LibvirtClusterWaitingReason, 0, "storing the identity of the load balancer")
	}
	s.lc.Status.LoadBalancer.VirtualRouterID = int32(id)
	return nil
}

// routerID returns the router ID in the spec, the one chosen earlier, or a new one.
func (r *Reconciler) routerID(ctx context.Context, lc *infrav1.LibvirtCluster) (uint8, error) {
	if id := routerIDOf(lc); id != 0 {
		return id, nil
	}
	others := &infrav1.LibvirtClusterList{}
	if err := r.Client.List(ctx, others); err != nil {
		return 0, fmt.Errorf("list LibvirtClusters: %w", err)
	}
	return r.RouterIDs.Choose(lc, others.Items)
}

// routerIDOf returns the router ID in the spec or the one chosen earlier, 0 for none.
func routerIDOf(lc *infrav1.LibvirtCluster) uint8 {
	if id := lc.Spec.LoadBalancer.VirtualRouterID; id != 0 {
		return uint8(id)
	}
	id, err := strconv.ParseUint(lc.Annotations[routerIDAnnotation], 10, 8)
	if err != nil {
		return 0
	}
	return uint8(id)
}

// RouterIDs chooses VRRP router IDs, which must be unique on a network segment. All clusters of the manager share them, so
// that segments need not be described.
type RouterIDs struct {
	mutex   sync.Mutex
	assumed map[types.UID]uint8
}

// NewRouterIDs returns an allocator that has chosen none yet.
func NewRouterIDs() *RouterIDs { return &RouterIDs{assumed: map[types.UID]uint8{}} }

// Choose returns a router ID that no other cluster has or was given a moment ago. The search starts at a number that depends
// on the cluster, so that two management clusters on one segment are unlikely to collide.
func (r *RouterIDs) Choose(lc *infrav1.LibvirtCluster, all []infrav1.LibvirtCluster) (uint8, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if id, ok := r.assumed[lc.UID]; ok {
		return id, nil
	}
	used := make([]uint8, 0, len(all)+len(r.assumed))
	for i := range all {
		if id := routerIDOf(&all[i]); id != 0 {
			used = append(used, id)
		}
	}
	for _, id := range r.assumed {
		used = append(used, id)
	}
	sum := fnv.New32a()
	fmt.Fprint(sum, lc.UID)
	id, err := loadbalancer.AllocateVRID(used, uint8(sum.Sum32()%255)+1)
	if err != nil {
		return 0, outcome.Terminalf(infrav1.LibvirtClusterEndpointInvalidReason,
			"choose spec.loadBalancer.virtualRouterID: %w; use an External load balancer or another management cluster", err)
	}
	r.assumed[lc.UID] = id
	return id, nil
}

// Forget releases the choice for a cluster that is gone.
func (r *RouterIDs) Forget(uid types.UID) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.assumed, uid)
}
