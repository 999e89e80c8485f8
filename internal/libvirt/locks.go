// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirt

import (
	"context"
	"fmt"
	"sync"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// keyedLocks serialises what libvirt does not: a check and the act that relies on it. They span sessions.
type keyedLocks struct {
	mutex sync.Mutex
	held  map[string]*keyedLock
}

type keyedLock struct {
	token   chan struct{}
	waiting int
}

func newKeyedLocks() *keyedLocks { return &keyedLocks{held: map[string]*keyedLock{}} }

// lock waits for the key and returns the function that frees it. Errors: virt.ErrBusy when the context ends first.
func (l *keyedLocks) lock(ctx context.Context, key string) (func(), error) {
	l.mutex.Lock()
	k := l.held[key]
	if k == nil {
		k = &keyedLock{token: make(chan struct{}, 1)}
		l.held[key] = k
	}
	k.waiting++
	l.mutex.Unlock()
	select {
	case k.token <- struct{}{}:
		return func() { <-k.token; l.leave(key, k) }, nil
	case <-ctx.Done():
		l.leave(key, k)
		return nil, fmt.Errorf("await other work on %s: %w: %w", key, virt.ErrBusy, context.Cause(ctx))
	}
}

func (l *keyedLocks) leave(key string, k *keyedLock) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	k.waiting--
	if k.waiting == 0 {
		delete(l.held, key)
	}
}
