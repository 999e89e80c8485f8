// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"errors"
	"slices"
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

func TestAllocateVRID_findsTheNextFreeOne(t *testing.T) {
	all := make([]uint8, 0, 255)
	for id := range 255 {
		all = append(all, uint8(id+1))
	}
	tests := map[string]struct {
		used  []uint8
		first uint8
		want  uint8
		err   error
	}{
		"an empty segment gives the first": {first: 60, want: 60},
		"zero means one":                   {want: 1},
		"a taken one is passed over":       {used: []uint8{60, 61}, first: 60, want: 62},
		"the search wraps around":          {used: []uint8{254, 255}, first: 254, want: 1},
		"the only free one is found":       {used: append(slices.Clone(all[:6]), all[7:]...), first: 200, want: 7},
		"a full segment is an error":       {used: all, first: 3, err: ErrNoVRID},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := AllocateVRID(test.used, test.first)
			if got != test.want || !errors.Is(err, test.err) {
				t.Errorf("got %d, %v; want %d, %v", got, err, test.want, test.err)
			}
		})
	}
}

func TestPriorities_areHighAndDistinct(t *testing.T) {
	assert.Equal(t, []uint8{254, 252, 250}, Priorities(3))
	seen := map[uint8]bool{}
	for _, priority := range Priorities(300) {
		if priority == 0 || priority == 255 || seen[priority] {
			t.Fatalf("priority %d is out of range or taken", priority)
		}
		seen[priority] = true
	}
	if len(seen) != 254 {
		t.Errorf("got %d priorities", len(seen))
	}
}
