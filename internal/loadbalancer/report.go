// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// observeTimeout bounds the question what a host runs: one that hangs must not use up the time of the others.
	observeTimeout = 20 * time.Second
	// holderTimeout is how long an election may take after the last change; pollInterval how often it is looked at.
	holderTimeout = 15 * time.Second
	pollInterval  = 500 * time.Millisecond
)

// HostReport is what happened on one host.
type HostReport struct {
	Name string
	// Observed says that the host answered; State is the last observation.
	Observed bool
	State    State
	// Applied says that the host runs what is wanted.
	Applied bool
	// Changes are the reasons for what was done, none when the host was as wanted.
	Changes []string
	// Err is why the host is not as wanted.
	Err error
}

// Report is what Ensure found and did, in the order of the hosts given.
type Report struct {
	Hosts []HostReport
	// Holder is the name of the host that holds the VIP, empty when none does.
	Holder string
}

// Settled says that the holder and all other hosts that answered run what is wanted: nothing that was left out is used any
// more, except by hosts that cannot be asked.
func (r *Report) Settled() bool {
	return r.Holder != "" && !slices.ContainsFunc(r.Hosts, func(host HostReport) bool { return host.Observed && !host.Applied })
}

// observeAll asks all hosts at once.
func (b *Balancer) observeAll(ctx context.Context, cluster Cluster, hosts []Host) Report {
	return b.observeAgain(ctx, cluster, hosts, Report{})
}

// observeAgain asks all hosts at once, except those that did not answer before.
func (b *Balancer) observeAgain(ctx context.Context, cluster Cluster, hosts []Host, before Report) Report {
	report := Report{Hosts: make([]HostReport, len(hosts))}
	var all sync.WaitGroup
	for i, host := range hosts {
		if len(before.Hosts) > i && !before.Hosts[i].Observed {
			report.Hosts[i] = before.Hosts[i]
			continue
		}
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, observeTimeout)
			defer cancel()
			state, err := Observe(ctx, host.Shell, b.layout, cluster.ID, cluster.VIP.Addr())
			if err != nil {
				err = fmt.Errorf("host %q: %w", host.Name, err)
			}
			report.Hosts[i] = HostReport{Name: host.Name, Observed: err == nil, State: state, Err: err}
		})
	}
	all.Wait()
	report.setHolder()
	return report
}

// awaitHolder observes what became of the changes, until the VIP is up somewhere or the election has had its time.
func (b *Balancer) awaitHolder(ctx context.Context, cluster Cluster, hosts []Host, before Report) Report {
	ctx, cancel := context.WithTimeout(ctx, holderTimeout)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		report := b.observeAgain(ctx, cluster, hosts, before)
		if report.Holder == "" && ctx.Err() != nil {
			return before
		}
		for i := range report.Hosts {
			report.Hosts[i].recall(before.Hosts[i])
		}
		if report.Holder != "" || !report.anyApplied() {
			return report
		}
		before = report
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return before
		}
	}
}

// recall takes over what was done to the host before this observation.
func (h *HostReport) recall(before HostReport) {
	h.Changes, h.Applied = before.Changes, before.Applied
	if before.Err != nil {
		h.Err = before.Err
	}
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

// holderLast lists the hosts that answered, those that hold the VIP behind the others.
func holderLast(report Report) []int {
	var others, holders []int
	for i, host := range report.Hosts {
		switch {
		case host.Err != nil:
		case host.State.HoldsVIP:
			holders = append(holders, i)
		default:
			others = append(others, i)
		}
	}
	return append(others, holders...)
}
