// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"errors"
	"slices"

	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
)

// HostReport is what happened on one host.
type HostReport struct {
	Name string
	// Observed means that the host answered; State is the last observation.
	Observed bool
	State    loadbalancer.State
	// Applied means that the host runs the wanted configuration.
	Applied bool
	// Changes are the reasons for what was changed, none when nothing had to be.
	Changes []string
	// Err is why the host does not run the wanted configuration.
	Err error
}

// Report is what Ensure found and did, in the order of the given hosts.
type Report struct {
	Hosts []HostReport
	// Holder is the name of the host that holds the VIP, empty when none does.
	Holder string
}

// Applied reports whether the holder and all other hosts that answered run the wanted configuration: a backend that was
// removed is no longer used, except by hosts that cannot be asked.
func (r *Report) Applied() bool {
	return r.Holder != "" && !slices.ContainsFunc(r.Hosts, func(host HostReport) bool { return host.Observed && !host.Applied })
}

func (r *Report) setHolder() {
	r.Holder = ""
	for _, host := range r.Hosts {
		if host.Observed && host.State.HoldsVIP {
			r.Holder = host.Name
			return
		}
	}
}

func (r *Report) anyApplied() bool {
	return slices.ContainsFunc(r.Hosts, func(host HostReport) bool { return host.Applied })
}

func (r *Report) err() error {
	problems := make([]error, 0, len(r.Hosts))
	for _, host := range r.Hosts {
		problems = append(problems, host.Err)
	}
	return errors.Join(problems...)
}
