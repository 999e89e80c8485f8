// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster

import (
	"fmt"
	"hash/fnv"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
)

// RouterIDs chooses VRRP router IDs, which must be unique on a network segment. All clusters of the manager count as one
// segment: 255 are enough, and nobody has to describe the segments.
type RouterIDs struct {
	mutex   sync.Mutex
	assumed map[types.UID]uint8
}

// NewRouterIDs returns an allocator without memory.
func NewRouterIDs() *RouterIDs { return &RouterIDs{assumed: map[types.UID]uint8{}} }

// Choose returns a router ID that neither the others have nor was chosen a moment ago for one of them. The search begins
// at a place that depends on the cluster, so that two management clusters on one segment seldom collide.
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

// Forget gives back what was chosen for a cluster that is gone.
func (r *RouterIDs) Forget(uid types.UID) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.assumed, uid)
}
