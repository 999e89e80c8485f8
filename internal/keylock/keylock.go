// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package keylock serialises work by key: one lock per host, per image or per domain. Unused locks are not kept.
package keylock

import (
	"context"
	"sync"
)

// Locks is a set of locks by key. The zero value is ready for use.
type Locks struct {
	mutex sync.Mutex
	locks map[string]*lock
}

// lock is held by whoever has put its token in. It lives as long as it has users: its holder and those who wait.
type lock struct {
	token chan struct{}
	users int
}

// Lock waits for the key and returns the function that unlocks it, which must be called once. Errors: the cause of the
// context, when that ends first.
func (l *Locks) Lock(ctx context.Context, key string) (unlock func(), err error) {
	k := l.join(key)
	select {
	case k.token <- struct{}{}:
		return func() { <-k.token; l.leave(key, k) }, nil
	case <-ctx.Done():
		l.leave(key, k)
		return nil, context.Cause(ctx)
	}
}

func (l *Locks) join(key string) *lock {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.locks == nil {
		l.locks = map[string]*lock{}
	}
	k, ok := l.locks[key]
	if !ok {
		k = &lock{token: make(chan struct{}, 1)}
		l.locks[key] = k
	}
	k.users++
	return k
}

func (l *Locks) leave(key string, k *lock) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if k.users--; k.users == 0 {
		delete(l.locks, key)
	}
}
