// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package keylock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

func TestLock_letsOneInPerKey(t *testing.T) {
	var locks Locks
	var all sync.WaitGroup
	counts := make([]int, 3) // each is guarded by its key's lock alone
	for i := range 300 {
		all.Go(func() {
			unlock, err := locks.Lock(t.Context(), fmt.Sprint(i%3))
			if err != nil {
				t.Error(err)
				return
			}
			defer unlock()
			counts[i%3]++
		})
	}
	all.Wait()
	for key, count := range counts {
		if count != 100 {
			t.Errorf("key %d was locked %d times", key, count)
		}
	}
	if len(locks.locks) != 0 {
		t.Errorf("%d unused locks are kept", len(locks.locks))
	}
}

func TestLock_otherKeysDoNotWait(t *testing.T) {
	var locks Locks
	for _, key := range []string{"a", "b"} {
		unlock, err := locks.Lock(t.Context(), key)
		assert.NoError(t, err)
		defer unlock()
	}
}

func TestLock_waitingEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var locks Locks
		unlock, err := locks.Lock(t.Context(), "a")
		assert.NoError(t, err)
		tooLate := errors.New("too late")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, tooLate)
		defer cancel()
		if _, err := locks.Lock(ctx, "a"); !errors.Is(err, tooLate) {
			t.Errorf("error is %v", err)
		}
		unlock()
		unlock, err = locks.Lock(t.Context(), "a")
		if err != nil {
			t.Errorf("the lock was not freed: %v", err)
		}
		unlock()
		if len(locks.locks) != 0 {
			t.Errorf("%d unused locks are kept", len(locks.locks))
		}
	})
}
