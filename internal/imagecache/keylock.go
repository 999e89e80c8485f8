// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package imagecache

import (
	"context"
	"sync"
)

// keyLock serialises work by key; waiting ends with the context.
type keyLock struct {
	mu    sync.Mutex
	slots map[string]*slot
}

type slot struct {
	token chan struct{}
	users int
}

// lock returns the function that unlocks the key.
func (k *keyLock) lock(ctx context.Context, key string) (unlock func(), err error) {
	k.mu.Lock()
	if k.slots == nil {
		k.slots = map[string]*slot{}
	}
	s, ok := k.slots[key]
	if !ok {
		s = &slot{token: make(chan struct{}, 1)}
		k.slots[key] = s
	}
	s.users++
	k.mu.Unlock()

	select {
	case s.token <- struct{}{}:
		return func() {
			<-s.token
			k.release(key, s)
		}, nil
	case <-ctx.Done():
		k.release(key, s)
		return nil, ctx.Err()
	}
}

func (k *keyLock) release(key string, s *slot) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s.users--; s.users == 0 {
		delete(k.slots, key)
	}
}
