// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Each retry may reload services on hosts, so the delay doubles.
const (
	firstRetry = 5 * time.Second
	lastRetry  = 10 * time.Minute
)

// retries counts the failures in a row. The zero value is ready for use.
type retries struct {
	mutex  sync.Mutex
	failed map[types.UID]int
}

// next returns how long to wait after another failure.
func (r *retries) next(uid types.UID) time.Duration {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.failed == nil {
		r.failed = map[types.UID]int{}
	}
	wait := firstRetry << min(r.failed[uid], 10)
	r.failed[uid]++
	return min(wait, lastRetry)
}

// reset forgets the failures after a success, or when the cluster is gone.
func (r *retries) reset(uid types.UID) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.failed, uid)
}
