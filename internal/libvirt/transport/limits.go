// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package transport

import "time"

// Limits are the patience of a Pool. A zero field takes the default.
type Limits struct {
	// Dial bounds the way to an open hypervisor (default 20 s).
	Dial time.Duration
	// Remember is how long a failed way answers whoever asks next (default 5 s).
	Remember time.Duration
	// Call bounds a call that libvirtd answers by itself (default 30 s).
	Call time.Duration
	// SlowCall bounds a call that waits for QEMU (default 2 min).
	SlowCall time.Duration
	// ProbeInterval is how often a quiet connection is probed, and Probe how long the answer may take (default 10 s and 5 s).
	ProbeInterval, Probe time.Duration
	// Stall is how long the host may take nothing of what is written to it (default 30 s).
	Stall time.Duration
	// Cleanup bounds the removal of what a failed transfer has left (default 15 s).
	Cleanup time.Duration
}

func (l Limits) withDefaults() Limits {
	for field, value := range map[*time.Duration]time.Duration{
		&l.Dial: 20 * time.Second, &l.Remember: 5 * time.Second, &l.Call: 30 * time.Second, &l.SlowCall: 2 * time.Minute,
		&l.ProbeInterval: 10 * time.Second, &l.Probe: 5 * time.Second,
		&l.Stall: 30 * time.Second, &l.Cleanup: 15 * time.Second,
	} {
		if *field <= 0 {
			*field = value
		}
	}
	return l
}
