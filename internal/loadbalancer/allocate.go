// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import "errors"

// ErrNoVRID means that all 255 VRRP router IDs of a segment are taken.
var ErrNoVRID = errors.New("no free VRRP router ID")

// AllocateVRID returns the next free VRRP router ID from first on, wrapping around; 0 as first means 1. Starting elsewhere
// than at 1 avoids routers that the provider cannot see: 51 is in every manual.
func AllocateVRID(used []uint8, first uint8) (uint8, error) {
	var taken [256]bool
	for _, id := range used {
		taken[id] = true
	}
	start := int(max(first, 1)) - 1
	for step := range 255 {
		id := (start+step)%255 + 1
		if !taken[id] {
			return uint8(id), nil
		}
	}
	return 0, ErrNoVRID
}

// Priorities returns the VRRP priorities of n hosts in order: 254, 252, 250 and so on. High values keep the skew time
// short, distinct ones make elections unambiguous; rotate the hosts to spread VIPs. After 127 hosts the odd values follow;
// beyond 254 hosts there are none.
func Priorities(n int) []uint8 {
	priorities := make([]uint8, 0, n)
	for value := 254; value > 0 && len(priorities) < n; value -= 2 {
		priorities = append(priorities, uint8(value))
	}
	for value := 253; value > 0 && len(priorities) < n; value -= 2 {
		priorities = append(priorities, uint8(value))
	}
	return priorities
}
